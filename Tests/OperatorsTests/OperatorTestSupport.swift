import OpenCL

@testable import Operators

/// One context for all tests of the operators: a driver compiles each kernel once.
@DeviceActor
enum SharedContext {
  static let result = Result { try Context(device: Device.select("auto"), cacheDirectory: nil) }
  static func get() throws -> Context { try result.get() }
}

/// The largest absolute difference; NaN unless NaN is exactly where the truth has it.
func largestDifference(_ values: some Sequence<Float>, _ truth: some Sequence<Double>) -> Double {
  var largest = 0.0
  for (value, answer) in zip(values, truth) {
    if value.isNaN != answer.isNaN { return .nan }
    if !value.isNaN { largest = max(largest, abs(Double(value) - answer)) }
  }
  return largest
}

extension [Float] {
  /// Row `index` of a matrix of `width` columns.
  func row(_ index: Int, _ width: Int) -> [Double] { self[index * width..<(index + 1) * width].map(Double.init) }
}
