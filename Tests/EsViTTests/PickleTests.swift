import Testing

@testable import EsViT

@Suite("Pickles")
struct PickleTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ bytes: [UInt8]) throws -> Pickle {
    try PickleReader.read(bytes, of: try ModelFile(path: try folder.write([0])))
  }

  private func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test(
    "a name outside the list ends the reading and is named, dotted or not",
    arguments: [
      ("os\nsystem", "os.system"), ("posix\nsystem", "posix.system"), ("builtins\neval", "builtins.eval"),
      ("builtins\ngetattr", "builtins.getattr"), ("torch\nload", "torch.load"),
      ("torch.hub\nload", "torch.hub.load"), ("collections\nOrderedDict.fromkeys", "collections.OrderedDict.fromkeys"),
    ])
  func forbidden(text: String, name: String) throws {
    let error = #expect(throws: ModelError.self) { try read([0x80, 2] + ascii("c\(text)\n)R.")) }
    guard case .forbidden(_, name) = try #require(error) else {
      Issue.record("\(name) gave \(String(describing: error))")
      return
    }
  }

  @Test("control characters of a hostile name do not reach the terminal")
  func escapes() throws {
    let error = #expect(throws: ModelError.self) { try read([0x80, 2] + ascii("cos\n\u{1B}[2Jsystem\n)R.")) }
    #expect(try !#require(error).description.contains("\u{1B}"))
  }

  @Test(
    "what no stack machine could do is an error, never a crash",
    arguments: [
      [], [0x2E], [0x80], [0x80, 0, 0x2E], [0x80, 9, 0x2E],  // nothing, nothing to return, protocols
      [0x80, 2, 0x30, 0x2E], [0x80, 2, 0x74, 0x2E], [0x80, 2, 0x31, 0x2E],  // pop, tuple, pop to mark of nothing
      [0x80, 2, 0x4E, 0x28, 0x30, 0x2E],  // pop through a mark
      [0x80, 2, 0x4E, 0x28, 0x87, 0x2E], [0x80, 2, 0x28, 0x2E],  // a triple through a mark, a mark as the answer
      [0x80, 2, 0x68, 7, 0x2E], [0x80, 2, 0x71, 1, 0x2E],  // from and to the memo
      [0x80, 2, 0x4E, 0x4E, 0x61, 0x2E], [0x80, 2, 0x29, 0x4E, 0x61, 0x2E],  // items for none and for a tuple
      [0x80, 2, 0x5D, 0x4E, 0x4E, 0x73, 0x2E], [0x80, 2, 0x7D, 0x28, 0x4E, 0x75, 0x2E],  // entries for a list, odd
      [0x80, 2, 0x7D, 0x7D, 0x62, 0x2E], [0x80, 2, 0x4E, 0x29, 0x52, 0x2E],  // state for a dictionary, a call of none
      [0x80, 2, 0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x61, 0x2E],  // a string of 4 GB
      [0x80, 4, 0x8E, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x2E],  // bytes of 2⁶³
      [0x80, 4, 0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E],
      [0x80, 2, 0x8B, 0xFF, 0xFF, 0xFF, 0x7F, 0x2E],  // an integer of 2 GB
      [0x80, 2, 0x58, 2, 0, 0, 0, 0xC3, 0x28, 0x2E],  // not UTF-8
      [0x80, 2, 0x63, 0x61], [0x80, 4, 0x4E, 0x4E, 0x93, 0x2E],  // a name that does not end, names that are none
      [0x80, 2, 0x82, 1, 0x2E], [0x80, 5, 0x97, 0x2E], [0x80, 2, 0x49, 0x31, 0x0A, 0x2E],  // extension, buffer, text
    ] as [[UInt8]])
  func broken(bytes: [UInt8]) throws {
    let error = #expect(throws: ModelError.self) { try read(bytes) }
    guard case .malformed = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("values, containers, sharing and cycles")
  func values() throws {
    // {"a": (1, -2, 2.5, None, True), "b": [the dictionary itself]}
    var bytes: [UInt8] = [0x80, 2, 0x7D, 0x71, 0, 0x28]
    bytes += [0x58, 1, 0, 0, 0, 0x61, 0x28, 0x4B, 1, 0x4A, 0xFE, 0xFF, 0xFF, 0xFF]
    bytes += [0x47, 0x40, 4, 0, 0, 0, 0, 0, 0, 0x4E, 0x88, 0x74]
    bytes += [0x58, 1, 0, 0, 0, 0x62, 0x5D, 0x68, 0, 0x61, 0x75, 0x2E]
    let pickle = try read(bytes)
    let root = try #require(pickle.dictionary(pickle.root))
    #expect(root.map(\.key) == ["a", "b"])
    #expect(pickle.sequence(root[0].value) == [.integer(1), .integer(-2), .float(2.5), .none, .bool(true)])
    #expect(pickle.sequence(root[1].value) == [pickle.root])
  }

  @Test(
    "integers of every length",
    arguments: [
      ([0x8A, 0], PickleValue.integer(0)), ([0x8A, 1, 0xFF], .integer(-1)), ([0x8A, 2, 0xFF, 0], .integer(255)),
      ([0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], .integer(.min)),
      ([0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0x80, 0], .bytes([0, 0, 0, 0, 0, 0, 0, 0x80, 0])),
    ] as [([UInt8], PickleValue)])
  func integers(code: [UInt8], value: PickleValue) throws {
    #expect(try read([0x80, 2] + code + [0x2E]).root == value)
  }

  @Test("half a million nested lists neither recurse nor grow without bound")
  func nested() throws {
    let deep = 500_000
    let bytes = [0x80, 2] + [UInt8](repeating: 0x5D, count: deep) + [UInt8](repeating: 0x61, count: deep - 1) + [0x2E]
    #expect(try read(bytes).nodes.count == deep)
    let tooMany = [0x80, 2] + [UInt8](repeating: 0x5D, count: PickleReader.maximumNodes + 2) + [0x2E]
    #expect(throws: ModelError.self) { try read(tooMany) }
    let tooLong = [0x80, 2] + [UInt8](repeating: 0x4E, count: PickleReader.maximumInstructions + 2) + [0x2E]
    #expect(throws: ModelError.self) { try read(tooLong) }
  }
}
