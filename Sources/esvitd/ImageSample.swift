import Foundation
import Imaging
import Operators

/// The image files below a folder, at most `limit` of them, spread evenly over their sorted paths.
final class ImageSample {
  static let limit = 256
  private static let endings: Set<String> = ["jpg", "jpeg", "png", "tif", "tiff", "webp"]

  /// The folder's name.
  let name: String
  private let folder: String
  private let roots: ImageRoots
  private let decoder = ImageDecoder(threads: ProcessInfo.processInfo.activeProcessorCount)
  private var paths: ArraySlice<String>

  /// - Throws: where the folder cannot be read.
  init(folder: String) throws {
    let url = URL(filePath: folder).resolvingSymlinksInPath()
    self.folder = url.path
    name = url.lastPathComponent
    roots = try ImageRoots([url.path])
    let found = try FileManager.default.subpathsOfDirectory(atPath: url.path)
      .filter { Self.endings.contains(($0 as NSString).pathExtension.lowercased()) }.sorted()
    let count = min(found.count, Self.limit)
    paths = (0..<count).map { found[$0 * found.count / count] }[...]
  }

  /// The next images, up to `count`; nil at the end. One that cannot be read is named on standard error and left out.
  func next(_ count: Int) async -> [RGB8Image]? {
    var images: [RGB8Image] = []
    while images.count < count, let path = paths.popFirst() {
      do {
        let image = try await decoder.decode(.file("\(folder)/\(path)", below: roots)).image
        images.append(RGB8Image(width: image.width, height: image.height, pixels: image.pixels))
      } catch {
        FileHandle.standardError.write(Data("Left out: \(path): \(error)\n".utf8))
      }
    }
    return images.isEmpty ? nil : images
  }
}
