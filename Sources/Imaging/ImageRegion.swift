/// A rectangle of a picture, by OpenSlide's convention: the corner in pixels of level 0, the size in pixels of `level`.
///
/// Level 0 is the full resolution; a picture that is no pyramid has no other. Coordinates are those of the upright picture.
package struct ImageRegion: Sendable, Equatable, Hashable {
  /// Left edge, in pixels of level 0.
  package let x: Int
  /// Upper edge, in pixels of level 0.
  package let y: Int
  /// Pixels of `level`.
  package let width: Int
  /// Pixels of `level`.
  package let height: Int
  /// 0 for the full resolution, then 1, 2 … for ever smaller copies.
  package let level: Int

  package init(x: Int, y: Int, width: Int, height: Int, level: Int = 0) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
    self.level = level
  }
}
