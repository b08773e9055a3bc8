/// A dense row-major array of weights, as the bytes that its file holds.
package struct Tensor: Sendable, Equatable {
  /// The element types that weights come in.
  package enum DType: String, Sendable {
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"

    /// Bytes an element.
    package var size: Int { self == .f32 ? 4 : 2 }
  }

  package let shape: [Int]
  package let dtype: DType
  /// Little-endian elements, the last axis fastest.
  package let bytes: [UInt8]

  /// Nil when the number of bytes is not what shape and type need.
  package init?(shape: [Int], dtype: DType, bytes: [UInt8]) {
    guard shape.allSatisfy({ $0 >= 0 }), let count = shape.product, bytes.count == count * dtype.size else {
      return nil
    }
    self.shape = shape
    self.dtype = dtype
    self.bytes = bytes
  }

  package init?(shape: [Int], floats: [Float]) {
    self.init(shape: shape, dtype: .f32, bytes: floats.withUnsafeBytes { Array($0) })
  }

  /// Number of elements.
  package var count: Int { bytes.count / dtype.size }

  /// The elements as 32-bit floats; exact, since each of the three types is a part of it.
  package func floats() -> [Float] {
    let count = count
    return Array(unsafeUninitializedCapacity: count) { out, initialized in
      bytes.withUnsafeBytes { raw in
        // `while` and not `for`: in a debug build the iterator would cost more than the conversion.
        var i = 0
        switch dtype {
        case .f32:
          UnsafeMutableRawBufferPointer(out).copyMemory(from: raw)
        case .f16:
          while i < count {
            out[i] = Float(raw.loadUnaligned(fromByteOffset: 2 * i, as: Float16.self))
            i += 1
          }
        case .bf16:
          while i < count {
            out[i] = Float(bitPattern: UInt32(raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)) << 16)
            i += 1
          }
        }
      }
      initialized = count
    }
  }
}

extension [Int] {
  /// The product of the elements, or nil when it does not fit.
  var product: Int? {
    var result = 1
    for factor in self {
      let (product, overflow) = result.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      result = product
    }
    return result
  }
}
