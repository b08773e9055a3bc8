/// Reads what `torch.save` wrote before PyTorch 1.6: five pickles in a row (a magic number, the form's version, the
/// writer's byte order, the checkpoint, the keys of its storages), then each storage as its count of elements in eight
/// bytes and the elements.
enum LegacyTorchCheckpoint {
  /// The first pickle, as protocol 2 writes 0x1950a86a20f9469cfc6c.
  static let signature: [UInt8] = [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  static let version = 1001

  /// - Parameter weights: as `TorchCheckpoint.open` takes it.
  static func open(_ file: ModelFile, weights: Weights? = nil) throws(ModelError) -> Checkpoint {
    let bytes = try file.read(0..<min(file.size, PickleReader.maximumBytes), place: "its pickles")
    var offset = 0
    _ = try PickleReader.read(bytes, at: &offset, of: file)
    guard try PickleReader.read(bytes, at: &offset, of: file).root == .integer(version) else {
      throw .unknownFormat(file: file.path, reason: "a pickle of torch.save in a form that is not \(version)")
    }
    let system = try PickleReader.read(bytes, at: &offset, of: file)
    guard let order = system.dictionary(system.root)?.last(where: { $0.key == "little_endian" })?.value,
      order == .bool(true)
    else { throw file.malformed("its third pickle", "the weights are not little-endian") }
    let pickle = try PickleReader.read(bytes, at: &offset, of: file)
    let keys = try PickleReader.read(bytes, at: &offset, of: file)
    let places = try places(of: keys, pickle, from: offset, in: file)
    return try TorchCheckpoint.checkpoint(
      pickle, TorchStorages(file: file, pickle: pickle, places: places), weights: weights)
  }

  /// The bytes of each storage, which lie in the order of `keys`; the checkpoint tells the size of their elements.
  private static func places(
    of keys: Pickle, _ pickle: Pickle, from start: Int, in file: ModelFile
  ) throws(ModelError) -> [String: Range<Int>] {
    var sizes: [String: Int] = [:]
    for index in pickle.nodes.indices {
      guard let reference = TorchStorageReference(.node(index), in: pickle), let type = reference.type else { continue }
      sizes[reference.key] = StoredTensor.sizes[type]
    }
    guard let order = keys.sequence(keys.root) else {
      throw file.malformed("its fifth pickle", "it is no list of keys")
    }
    var places: [String: Range<Int>] = [:]
    var offset = start
    for key in order {
      guard case .string(let key) = key, let size = sizes[key], places[key] == nil else {
        throw file.malformed("its fifth pickle", "it names a storage twice, or one that no tensor has")
      }
      let place = "the storage '\(key)'"
      guard file.size - offset >= 8 else { throw file.malformed(place, "the file ends before it") }
      let elements = try file.read(offset..<offset + 8, place: place).littleEndian(at: 0, as: UInt64.self)
      offset += 8
      guard elements <= UInt64((file.size - offset) / size) else {
        throw file.malformed(place, "its \(elements) elements of \(size) bytes are more than the file has")
      }
      places[key] = offset..<offset + Int(elements) * size
      offset += Int(elements) * size
    }
    return places
  }
}
