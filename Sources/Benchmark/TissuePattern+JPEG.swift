import EsViT
import Imaging

extension TissuePattern {
  /// The picture as a JPEG file.
  static func jpeg(_ seed: Int, side: Int) throws -> [UInt8] {
    guard let image = RGBImage(width: side, height: side, pixels: image(seed, side: side).pixels) else { return [] }
    return [UInt8](try image.jpeg())
  }
}
