import Operators

/// Generated pictures with the colours and the grain of stained tissue, for measuring where no images are given: pink
/// stroma of several scales, purple nuclei, white gaps; the same on every machine.
package enum TissuePattern {
  /// - Parameter seed: another picture for each.
  package static func image(_ seed: Int, side: Int) -> RGB8Image {
    let noise = NoiseStream("tissue \(seed)")
    /// 0…1, the same for the same place.
    func random(_ index: Int) -> Float { Float(noise.bits(at: index) >> 40) * 0x1p-24 }

    /// Noise that varies over about `cell` pixels: random values on a grid, interpolated smoothly.
    func field(_ x: Int, _ y: Int, cell: Int, layer: Int) -> Float {
      let (column, row) = (x / cell, y / cell)
      let (u, v) = (Float(x % cell) / Float(cell), Float(y % cell) / Float(cell))
      let (s, t) = (u * u * (3 - 2 * u), v * v * (3 - 2 * v))
      func corner(_ i: Int, _ j: Int) -> Float { random(layer << 24 + (row + j) << 12 + column + i) }
      let top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * s
      let bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * s
      return top + (bottom - top) * t
    }

    // From sparse to dense, from pale to deeply stained, from closed tissue to open.
    let (density, stain, openness) = (random(1 << 32), 0.6 + 0.4 * random(2 << 32), 0.2 + 0.3 * random(3 << 32))
    let cell = 14 + Int(random(4 << 32) * 14)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * side * side)
    for y in 0..<side {
      for x in 0..<side {
        let fibre = 0.6 * field(x, y, cell: 32, layer: 1) + 0.4 * field(x, y, cell: 5, layer: 2)
        var colour = SIMD3<Float>(235, 170, 200) - SIMD3<Float>(50, 70, 40) * (fibre * stain)
        if nucleus(x, y, cell: cell, density: density, random) {
          colour = SIMD3<Float>(95, 60, 140) + 40 * field(x, y, cell: 3, layer: 3)
        } else if field(x, y, cell: 64, layer: 4) < openness {
          colour = SIMD3<Float>(242, 240, 243)
        }
        colour += 6 * (random(5 << 32 + y * side + x) - 0.5)
        for channel in 0..<3 { pixels.append(UInt8(min(max(colour[channel], 0), 255))) }
      }
    }
    return RGB8Image(width: side, height: side, pixels: pixels)
  }

  /// Whether the place lies in a nucleus: a cell of the grid has one, of a size and at a place of its own, or none.
  private static func nucleus(_ x: Int, _ y: Int, cell: Int, density: Float, _ random: (Int) -> Float) -> Bool {
    let cellIndex = 6 << 32 + (y / cell) << 16 + (x / cell) << 2
    guard random(cellIndex) < 0.25 + 0.65 * density else { return false }
    let radius = Float(cell) * (0.2 + 0.2 * random(cellIndex + 1))
    let centre = radius + (Float(cell) - 2 * radius) * SIMD2(random(cellIndex + 2), random(cellIndex + 3))
    let offset = SIMD2(Float(x % cell), Float(y % cell)) - centre
    return (offset * offset).sum() < radius * radius
  }
}
