/// The eight ways in which a camera's picture lies in its file (EXIF tag 274).
///
/// The upright picture is the stored one, transposed or not, then mirrored left to right, upside down, or both.
struct Orientation: Equatable {
  let isTransposed: Bool
  let mirrorsX: Bool
  let mirrorsY: Bool

  /// - Parameter tag: 1…8; anything else counts as upright.
  init(tag: Int) {
    isTransposed = (5...8).contains(tag)
    mirrorsX = [2, 3, 6, 7].contains(tag)
    mirrorsY = [3, 4, 7, 8].contains(tag)
  }

  var isUpright: Bool { !isTransposed && !mirrorsX && !mirrorsY }

  /// The stored or upright size, from the other one.
  func turned(width: Int, height: Int) -> (width: Int, height: Int) {
    isTransposed ? (height, width) : (width, height)
  }

  /// Where the stored picture of `width × height` holds a rectangle of the upright one.
  func stored(_ upright: Rectangle, width: Int, height: Int) -> Rectangle {
    let full = turned(width: width, height: height)
    let x = mirrorsX ? full.width - upright.x - upright.width : upright.x
    let y = mirrorsY ? full.height - upright.y - upright.height : upright.y
    return isTransposed
      ? Rectangle(x: y, y: x, width: upright.height, height: upright.width)
      : Rectangle(x: x, y: y, width: upright.width, height: upright.height)
  }

  /// The upright picture of a stored one.
  func upright(_ stored: RGBImage) -> RGBImage {
    guard !isUpright else { return stored }
    let (width, height) = turned(width: stored.width, height: stored.height)
    let pixels = stored.pixels.withUnsafeBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: source.count) { target, count in
        // Bytes between neighbours of an upright row, in the stored picture.
        let step = (isTransposed ? stored.width : 1) * 3 * (mirrorsX ? -1 : 1)
        for y in 0..<height {
          let v = mirrorsY ? height - 1 - y : y
          let u = mirrorsX ? width - 1 : 0
          var from = (isTransposed ? u * stored.width + v : v * stored.width + u) * 3
          var to = y * width * 3
          for _ in 0..<width {
            target[to] = source[from]
            target[to + 1] = source[from + 1]
            target[to + 2] = source[from + 2]
            from += step
            to += 3
          }
        }
        count = source.count
      }
    }
    return RGBImage(checkedWidth: width, height: height, pixels: pixels)
  }
}
