/// Where a tensor lies in its file: found and checked, not yet read.
struct StoredTensor: Sendable {
  let shape: [Int]
  /// Distance between neighbours along each axis, in elements; nil for row-major order.
  let strides: [Int]?
  /// The element type as safetensors names it: `F32`, `I64`, …
  let type: String
  /// The bytes of the file that hold the elements, from the first to the last one.
  let range: Range<Int>

  /// Bytes an element of each type that checkpoints hold.
  static let sizes: [String: Int] = [
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4,
    "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8, "C128": 16,
  ]

  var count: Int { shape.reduce(1, *) }

  /// Shape and type as errors show them: `F32 [96, 3, 4, 4]`.
  var description: String { "\(type) \(shape)" }

  /// Reads the elements into row-major order.
  func read(name: String, from file: ModelFile) throws(ModelError) -> Tensor {
    guard let dtype = Tensor.DType(rawValue: type) else {
      throw .misshapen(file: file.path, tensor: name, found: description, expected: "of type F32, F16 or BF16")
    }
    var bytes = try file.read(range, place: "the tensor '\(name)'")
    if let strides { bytes = Self.gather(bytes, shape: shape, strides: strides, size: dtype.size) }
    guard let tensor = Tensor(shape: shape, dtype: dtype, bytes: bytes) else {
      throw file.malformed("the tensor '\(name)'", "\(bytes.count) bytes do not make \(description)")
    }
    return tensor
  }

  /// Row-major order from strides. `bytes` reach to the last element, which `TorchCheckpoint` has checked.
  private static func gather(_ bytes: [UInt8], shape: [Int], strides: [Int], size: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(shape.reduce(size, *))
    var index = [Int](repeating: 0, count: shape.count)
    for _ in 0..<shape.reduce(1, *) {
      let element = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
      result += bytes[element * size..<(element + 1) * size]
      for axis in shape.indices.reversed() {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
      }
    }
    return result
  }
}

/// What a model file holds, whatever its format.
struct Checkpoint: Sendable {
  let file: ModelFile
  let tensors: [String: StoredTensor]
  /// The header's words about the model; empty for a `.pth`.
  let metadata: [String: String]
}
