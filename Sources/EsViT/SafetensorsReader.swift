/// Reads the table of a safetensors file: eight bytes of header length, a JSON header, then the tensors' bytes.
///
/// Every rule of the format is checked, since the file may be hostile: lengths against the file, each tensor's bytes
/// against its shape and type, and the tensors together against the data, which they must cover without gap or
/// overlap.
enum SafetensorsReader {
  /// A backbone's header takes about 40 KB; the limit only keeps a hostile length from becoming an allocation.
  static let maximumHeader = 16 << 20

  static func open(_ file: ModelFile) throws(ModelError) -> Checkpoint {
    let length: UInt64 = try file.read(0..<8, place: "the header's length").littleEndian(at: 0)
    guard length <= maximumHeader, Int(length) <= file.size - 8 else {
      throw file.malformed(
        "the header's length", "\(length) bytes, but the file has \(file.size) and a header at most \(maximumHeader)")
    }
    let dataStart = 8 + Int(length)
    let text = try file.read(8..<dataStart, place: "the header")
    let header: HeaderJSON
    do throws(HeaderJSON.Problem) {
      header = try HeaderJSON(parsing: text)
    } catch {
      throw file.malformed("byte \(8 + error.offset), in the header", error.reason)
    }
    guard case .object(let pairs) = header else { throw file.malformed("the header", "it is no JSON object") }

    var tensors: [String: StoredTensor] = [:]
    var metadata: [String: String] = [:]
    for (name, value) in pairs {
      if name == "__metadata__" {
        metadata = try Self.metadata(value, file: file)
      } else {
        tensors[name] = try tensor(name, value, dataStart: dataStart, file: file)
      }
    }
    try checkCover(tensors, dataStart: dataStart, file: file)
    return Checkpoint(file: file, tensors: tensors, metadata: metadata)
  }

  private static func metadata(_ value: HeaderJSON, file: ModelFile) throws(ModelError) -> [String: String] {
    guard case .object(let pairs) = value else { throw file.malformed("__metadata__", "it is no JSON object") }
    var metadata: [String: String] = [:]
    for (key, value) in pairs {
      guard case .string(let text) = value else { throw file.malformed("__metadata__", "'\(key)' is no string") }
      metadata[key] = text
    }
    return metadata
  }

  private static func tensor(
    _ name: String, _ value: HeaderJSON, dataStart: Int, file: ModelFile
  ) throws(ModelError) -> StoredTensor {
    let place = "the header's entry '\(name)'"
    guard case .object(let pairs) = value else { throw file.malformed(place, "it is no JSON object") }
    let fields = Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
    guard fields.count == 3, case .string(let type) = fields["dtype"], let shape = fields["shape"]?.sizes,
      let offsets = fields["data_offsets"]?.sizes, offsets.count == 2
    else { throw file.malformed(place, "it is not dtype, shape and data_offsets of sizes") }
    guard let size = StoredTensor.sizes[type] else { throw file.malformed(place, "unknown dtype '\(type)'") }
    guard offsets[0] <= offsets[1], offsets[1] <= file.size - dataStart else {
      throw file.malformed(place, "data_offsets \(offsets) are not in the \(file.size - dataStart) bytes of data")
    }
    guard shape.count <= 8, (shape + [size]).product == offsets[1] - offsets[0] else {
      throw file.malformed(place, "\(offsets[1] - offsets[0]) bytes do not make \(type) \(shape)")
    }
    return StoredTensor(
      shape: shape, strides: nil, type: type, range: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  private static func checkCover(
    _ tensors: [String: StoredTensor], dataStart: Int, file: ModelFile
  ) throws(ModelError) {
    var end = dataStart
    let sorted = tensors.sorted {
      ($0.value.range.lowerBound, $0.value.range.upperBound) < ($1.value.range.lowerBound, $1.value.range.upperBound)
    }
    for (name, tensor) in sorted {
      if tensor.range.lowerBound != end {
        let fault = tensor.range.lowerBound < end ? "overlaps the one before it" : "leaves a gap before it"
        throw file.malformed("the tensor '\(name)'", "it \(fault)")
      }
      end = tensor.range.upperBound
    }
    guard end == file.size else { throw file.malformed("the data", "\(file.size - end) bytes belong to no tensor") }
  }
}

extension HeaderJSON {
  /// An array of integers ≥ 0.
  fileprivate var sizes: [Int]? {
    guard case .array(let values) = self else { return nil }
    var sizes: [Int] = []
    for value in values {
      guard case .integer(let size) = value, size >= 0 else { return nil }
      sizes.append(size)
    }
    return sizes
  }
}
