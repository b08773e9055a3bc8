/// Whole pixels of one level.
struct Rectangle: Equatable {
  let x: Int
  let y: Int
  let width: Int
  let height: Int

  /// Pixels.
  var count: Int { width * height }
}
