/// Reads Python's pickle format (protocols 2 to 5) without importing or running anything.
///
/// A pickle is a program for a stack machine. This machine has the instructions that build values; those that call a
/// constructor make a `PickleNode` that remembers the call, and only for the names in `PickleGlobals`. Text
/// instructions of protocols 0 and 1, extension codes and out-of-band buffers, which `torch.save` never writes, are
/// refused. One pass, bounded by the limits below whatever the file says.
struct PickleReader {
  /// A checkpoint of Swin-B with its optimizer takes about 300,000 instructions.
  static let maximumInstructions = 1 << 22
  static let maximumNodes = 1 << 20
  static let maximumBytes = 64 << 20

  let file: ModelFile
  let bytes: [UInt8]
  var offset: Int
  var instruction = 0
  var pickle = Pickle()
  var stack: [PickleValue] = []
  /// Heights of the stack at the marks that are open.
  var marks: [Int] = []
  var memo: [Int: PickleValue] = [:]

  /// Reads a pickle that is all of `bytes`.
  ///
  /// - Throws: `ModelError.malformed` with the byte, `ModelError.forbidden` with the name.
  static func read(_ bytes: [UInt8], of file: ModelFile) throws(ModelError) -> Pickle {
    var offset = 0
    return try read(bytes, at: &offset, of: file)
  }

  /// Reads one of several pickles in a row; `offset` moves from its first byte to the one behind it.
  static func read(_ bytes: [UInt8], at offset: inout Int, of file: ModelFile) throws(ModelError) -> Pickle {
    var reader = PickleReader(file: file, bytes: bytes, offset: offset)
    defer { offset = reader.offset }
    guard bytes.count <= maximumBytes else { throw reader.problem("longer than \(maximumBytes) bytes") }
    var instructions = 0
    while try reader.step() {
      instructions += 1
      guard instructions <= maximumInstructions, reader.pickle.nodes.count <= maximumNodes else {
        throw reader.problem("it holds more than a checkpoint of weights does")
      }
    }
    return reader.pickle
  }

  func problem(_ reason: String) -> ModelError {
    file.malformed("byte \(instruction) of its pickle", reason)
  }

  /// Carries out one instruction; false after the last one.
  private mutating func step() throws(ModelError) -> Bool {
    instruction = offset
    let code = try byte()
    switch Unicode.Scalar(code) {
    case "\u{80}":  // PROTO
      guard (2...5).contains(try byte()) else { throw problem("a pickle protocol that is not 2 to 5") }
    case "\u{95}": _ = try take(8)  // FRAME: the length of what follows, which we do not need
    case ".":  // STOP
      pickle.root = try pop()
      return false
    case "N": push(.none)
    case "\u{88}": push(.bool(true))
    case "\u{89}": push(.bool(false))
    case "J": push(.integer(Int(Int32(bitPattern: try number(UInt32.self)))))
    case "K": push(.integer(Int(try byte())))
    case "M": push(.integer(Int(try number(UInt16.self))))
    case "\u{8A}": push(integer(try take(Int(try byte()))))  // LONG1
    case "\u{8B}": push(integer(try take(Int(try number(UInt32.self)))))  // LONG4
    case "G":  // BINFLOAT, the one big-endian number
      push(.float(Double(bitPattern: (try number(UInt64.self)).byteSwapped)))
    case "X": push(.string(try string(Int(try number(UInt32.self)))))
    case "\u{8C}": push(.string(try string(Int(try byte()))))
    case "\u{8D}": push(.string(try string(try length64())))
    case "B": push(.bytes(try take(Int(try number(UInt32.self)))))
    case "C": push(.bytes(try take(Int(try byte()))))
    case "\u{8E}", "\u{96}": push(.bytes(try take(try length64())))  // BINBYTES8, BYTEARRAY8
    case "]": make(.list)
    case ")": make(.tuple)
    case "}": make(.dictionary)
    case "\u{8F}": make(.set)
    case "(": marks.append(stack.count)
    case "t": make(.tuple, items: try popToMark())
    case "\u{91}": make(.set, items: try popToMark())  // FROZENSET
    case "\u{85}": make(.tuple, items: try pop(1))
    case "\u{86}": make(.tuple, items: try pop(2))
    case "\u{87}": make(.tuple, items: try pop(3))
    case "a": try append([try pop()])
    case "e", "\u{90}": try append(try popToMark())  // APPENDS, ADDITEMS
    case "s": try setItems(try pop(2))
    case "u": try setItems(try popToMark())
    case "0": _ = try pop()
    case "1": _ = try popToMark()
    case "2": push(try top())
    case "q": memo[Int(try byte())] = try top()
    case "r": memo[Int(try number(UInt32.self))] = try top()
    case "\u{94}": memo[memo.count] = try top()
    case "h": push(try remembered(Int(try byte())))
    case "j": push(try remembered(Int(try number(UInt32.self))))
    case "c": try global(module: try line(), name: try line())
    case "\u{93}":  // STACK_GLOBAL
      guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
        throw problem("a global without a name")
      }
      try global(module: module, name: name)
    case "R", "\u{81}":  // REDUCE, NEWOBJ: a call, remembered and not made
      let arguments = try pop()
      try call(try pop(), arguments)
    case "b":  // BUILD
      let state = try pop()
      guard case .node(let index) = try top(), case .object = pickle.nodes[index].kind else {
        throw problem("a state for something that has none")
      }
      pickle.nodes[index].state = state
    case "Q": make(.persistent, arguments: try pop())
    default: throw problem("an instruction (\(code)) that no checkpoint uses")
    }
    return true
  }

  // MARK: Bytes

  private mutating func take(_ count: Int) throws(ModelError) -> [UInt8] {
    guard count <= bytes.count - offset else { throw problem("it ends too early") }
    defer { offset += count }
    return Array(bytes[offset..<offset + count])
  }

  private mutating func byte() throws(ModelError) -> UInt8 { try number(UInt8.self) }

  private mutating func number<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) throws(ModelError) -> T {
    guard MemoryLayout<T>.size <= bytes.count - offset else { throw problem("it ends too early") }
    defer { offset += MemoryLayout<T>.size }
    return bytes.littleEndian(at: offset)
  }

  private mutating func length64() throws(ModelError) -> Int {
    let length = try number(UInt64.self)
    guard length <= UInt64(bytes.count) else { throw problem("it ends too early") }
    return Int(length)
  }

  private mutating func string(_ count: Int) throws(ModelError) -> String {
    guard let string = String(validating: try take(count), as: UTF8.self) else {
      throw problem("a string that is not UTF-8")
    }
    return string
  }

  private mutating func line() throws(ModelError) -> String {
    guard let end = bytes[offset...].prefix(256).firstIndex(of: 0x0A) else { throw problem("a name that does not end") }
    defer { offset = end + 1 }
    guard let line = String(validating: bytes[offset..<end], as: UTF8.self) else {
      throw problem("a name that is not UTF-8")
    }
    return line
  }

  /// A two's complement number of any length.
  private func integer(_ bytes: [UInt8]) -> PickleValue {
    guard bytes.count <= 8, let last = bytes.last else { return bytes.isEmpty ? .integer(0) : .bytes(bytes) }
    var value: UInt64 = last >= 0x80 ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .integer(Int(Int64(bitPattern: value)))
  }

  // MARK: The stack

  private mutating func push(_ value: PickleValue) { stack.append(value) }

  private mutating func make(_ kind: PickleNode.Kind, items: [PickleValue] = [], arguments: PickleValue = .none) {
    pickle.nodes.append(PickleNode(kind: kind, items: items, arguments: arguments))
    push(.node(pickle.nodes.count - 1))
  }

  /// What lies above the last open mark is all that an instruction may take.
  private var available: Int { stack.count - (marks.last ?? 0) }

  private func top() throws(ModelError) -> PickleValue {
    guard available > 0, let value = stack.last else { throw problem("a value is missing") }
    return value
  }

  private mutating func pop() throws(ModelError) -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int) throws(ModelError) -> [PickleValue] {
    guard available >= count else { throw problem("a value is missing") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(ModelError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw problem("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private func remembered(_ index: Int) throws(ModelError) -> PickleValue {
    guard let value = memo[index] else { throw problem("it refers to a value that was never there") }
    return value
  }

  // MARK: Containers and calls

  private mutating func append(_ items: [PickleValue]) throws(ModelError) {
    guard case .node(let index) = try top() else { throw problem("items for something that is no list") }
    switch pickle.nodes[index].kind {
    case .list, .set, .object: pickle.nodes[index].items += items
    default: throw problem("items for something that is no list")
    }
  }

  private mutating func setItems(_ items: [PickleValue]) throws(ModelError) {
    guard case .node(let index) = try top(), items.count.isMultiple(of: 2) else {
      throw problem("entries for something that is no dictionary")
    }
    switch pickle.nodes[index].kind {
    case .dictionary, .object: pickle.nodes[index].items += items
    default: throw problem("entries for something that is no dictionary")
    }
  }

  private mutating func global(module: String, name: String) throws(ModelError) {
    let full = "\(module).\(name)"
    guard PickleGlobals.allowed.contains(full) else { throw .forbidden(file: file.path, global: full) }
    make(.global(full))
  }

  private mutating func call(_ callee: PickleValue, _ arguments: PickleValue) throws(ModelError) {
    guard let name = pickle.global(callee), pickle.node(arguments)?.kind == .tuple else {
      throw problem("a call of something that is no constructor")
    }
    make(.object(of: name), arguments: arguments)
  }
}
