/// How an upright sRGB image becomes the encoder's input: resize the shorter side (Pillow's antialiased bicubic), cut
/// the centre, divide by 255, subtract `mean` and divide by `std`, a value a channel.
package struct Preprocessing: Sendable, Equatable, Codable {
  /// Length of the shorter side after resizing, in pixels.
  package let resize: Int
  /// Side of the square cut from the centre, in pixels.
  package let crop: Int
  /// Mean of red, green and blue, of values in 0…1.
  package let mean: [Float]
  /// Standard deviation of red, green and blue, of values in 0…1.
  package let std: [Float]

  package init(
    resize: Int = 256, crop: Int = 224, mean: [Float] = [0.485, 0.456, 0.406], std: [Float] = [0.229, 0.224, 0.225]
  ) {
    self.resize = resize
    self.crop = crop
    self.mean = mean
    self.std = std
  }

  /// What EsViT evaluates with: 256 and 224 at the usual trained side, in the same ratio at any other.
  package static func standard(trainedSide: Int) -> Preprocessing {
    Preprocessing(resize: (trainedSide * 256 + 112) / 224, crop: trainedSide)
  }

  /// The canonical form that the fingerprint and a file's header hold: JSON with sorted keys, no spaces, and each
  /// number as the shortest decimal that reads back as the same 32-bit float.
  package var json: String {
    func list(_ values: [Float]) -> String { "[" + values.map(\.description).joined(separator: ",") + "]" }
    return #"{"crop":\#(crop),"mean":\#(list(mean)),"resize":\#(resize),"std":\#(list(std))}"#
  }

  /// What makes these settings unusable, or nil.
  var problem: String? {
    if !(1...4096).contains(crop) { return "crop \(crop) is not in 1…4096" }
    if !(crop...8192).contains(resize) { return "resize \(resize) is not in crop…8192" }
    if mean.count != 3 || !mean.allSatisfy(\.isFinite) { return "mean is not three finite numbers" }
    if std.count != 3 || !std.allSatisfy({ $0.isFinite && $0 > 0 }) { return "std is not three positive numbers" }
    return nil
  }
}
