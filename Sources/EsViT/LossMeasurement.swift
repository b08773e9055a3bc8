import OpenCL
import Operators

/// Measures a model's `PrecisionLoss` on a device, a few images at a time.
@DeviceActor
package final class LossMeasurement {
  /// Images that `add` takes at once.
  package nonisolated static let batch = 8

  private let exact: Encoder
  private let lower: [(precision: Precision, encoder: Encoder)]
  /// A cosine for each image, by precision.
  private var cosines: [Precision: [Double]] = [:]

  /// - Parameter device: prepared for all precisions.
  /// - Throws: what `Encoder` throws.
  package init(_ model: Model, on device: PreparedDevice) throws {
    func encoder(_ precision: Precision) throws -> Encoder {
      try Encoder(
        model: model, context: device.context, maximumBatch: Self.batch, precision: precision,
        variants: device.variants)
    }
    exact = try encoder(.f32)
    lower = try [.bf16, .int8].map { ($0, try encoder($0)) }
  }

  /// Encodes up to `batch` images at every precision.
  ///
  /// - Throws: `EncodingError` for an image that has no embedding at one of them; `OpenCLError`.
  package func add(_ images: [RGB8Image]) throws {
    let truth = try exact.encode(images).map { try $0.get().raw }
    for (precision, encoder) in lower {
      let found = try encoder.encode(images).map { try $0.get().raw }
      cosines[precision, default: []] += zip(truth, found).map(Self.cosine)
    }
  }

  /// What was found; nil before the first image.
  ///
  /// - Parameter source: which images they were.
  package func loss(source: String) -> PrecisionLoss? {
    func summary(_ precision: Precision) -> PrecisionLoss.Cosine? {
      guard let cosines = cosines[precision], let minimum = cosines.min() else { return nil }
      func roundedDown(_ value: Double) -> Double { (value * 1e6).rounded(.down) / 1e6 }
      return PrecisionLoss.Cosine(
        minimum: roundedDown(minimum), mean: roundedDown(cosines.reduce(0, +) / Double(cosines.count)))
    }
    guard let bf16 = summary(.bf16), let int8 = summary(.int8) else { return nil }
    return PrecisionLoss(bf16: bf16, int8: int8, images: cosines[.bf16]?.count ?? 0, source: source)
  }

  private static func cosine(_ a: [Float], _ b: [Float]) -> Double {
    var (dot, aa, bb) = (0.0, 0.0, 0.0)
    for (a, b) in zip(a, b) {
      dot += Double(a) * Double(b)
      aa += Double(a) * Double(a)
      bb += Double(b) * Double(b)
    }
    return min(1, dot / (aa * bb).squareRoot())
  }
}
