import FoundationEssentials
import Operators

/// How far a model's embeddings turn when its linear layers compute in less than f32: measured once, on some images, and
/// kept in the file's header for `auto` to look at.
package struct PrecisionLoss: Sendable, Equatable, Codable {
  /// Over the images, the cosine between the embedding at a lower precision and at f32, rounded down to six decimals.
  package struct Cosine: Sendable, Equatable, Codable {
    package let minimum: Double
    package let mean: Double

    package init(minimum: Double, mean: Double) {
      self.minimum = minimum
      self.mean = mean
    }
  }

  package let bf16: Cosine
  package let int8: Cosine
  /// How many images it was measured on.
  package let images: Int
  /// Which images: `generated`, or a folder's name.
  package let source: String

  package init(bf16: Cosine, int8: Cosine, images: Int, source: String) {
    self.bf16 = bf16
    self.int8 = int8
    self.images = images
    self.source = source
  }

  /// The precisions whose every cosine is high enough to stand in for f32 (0.9995 for bf16, 0.995 for int8), the fastest
  /// first.
  package var acceptable: [Precision] {
    (int8.minimum >= 0.995 ? [.int8] : []) + (bf16.minimum >= 0.9995 ? [.bf16] : [])
  }

  /// As a file's header holds it: JSON with sorted keys and no spaces.
  package var json: String {
    func text(_ cosine: Cosine) -> String { #"{"mean":\#(cosine.mean),"minimum":\#(cosine.minimum)}"# }
    let source = HeaderJSON.quoted(source)
    return #"{"bf16":\#(text(bf16)),"images":\#(images),"int8":\#(text(int8)),"source":\#(source)}"#
  }

  /// What makes the figures unusable, or nil.
  var problem: String? {
    for cosine in [bf16, int8] where !(cosine.minimum >= -1 && cosine.minimum <= cosine.mean && cosine.mean <= 1) {
      return "minimum \(cosine.minimum) and mean \(cosine.mean) are no cosines"
    }
    return images > 0 ? nil : "\(images) images measure nothing"
  }
}

extension Model {
  /// The precisions that `auto` may choose among, the fastest first: those whose loss the header states and that is small
  /// enough, then f32.
  package var acceptablePrecisions: [Precision] { (loss?.acceptable ?? []) + [.f32] }
}
