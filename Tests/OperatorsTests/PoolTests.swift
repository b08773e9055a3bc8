import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("Pool")
struct PoolTests {
  private func run(
    _ tokens: [Float], images: Int, perImage: Int, scale: [Float], shift: [Float], workGroupLimit: Int? = nil
  ) throws -> (raw: [Float], unit: [Float]) {
    let context = try SharedContext.get()
    let pool = try Pool(context: context, scale: scale, shift: shift, workGroupLimit: workGroupLimit)
    let output = try context.makeBuffer(Float.self, count: images * 2 * scale.count)
    try pool.enqueue(
      tokens: try context.makeBuffer(tokens), output: output, images: images, tokensPerImage: perImage)
    let values = try context.queue.read(output)
    let channels = scale.count
    func rows(_ part: Int) -> [Float] {
      (0..<images).flatMap { image -> ArraySlice<Float> in
        let first = (2 * image + part) * channels
        return values[first..<first + channels]
      }
    }
    return (rows(0), rows(1))
  }

  @Test("the mean and its direction, at every work-group limit", arguments: [nil, 1, 2, 7, 48] as [Int?])
  func mean(limit: Int?) throws {
    var noise = Noise(seed: 31)
    let channels = 50
    let scale = noise.floats(channels)
    let shift = noise.floats(channels)
    let tokens = noise.floats(3 * 7 * channels)
    let (raw, unit) = try run(tokens, images: 3, perImage: 7, scale: scale, shift: shift, workGroupLimit: limit)
    for image in 0..<3 {
      let mean = (0..<channels).map { c in
        (0..<7).reduce(0.0) { $0 + Double(tokens[(image * 7 + $1) * channels + c]) } / 7 * Double(scale[c])
          + Double(shift[c])
      }
      let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(largestDifference(raw.row(image, channels).map(Float.init), mean) <= 1e-6)
      #expect(largestDifference(unit.row(image, channels).map(Float.init), mean.map { $0 / length }) <= 1e-6)
    }
  }

  @Test("the direction of huge and of tiny values is right; what has none is not a number")
  func hostile() throws {
    let ones = [Float](repeating: 1, count: 64)
    let zeros = [Float](repeating: 0, count: 64)
    for value in [1e30, 1e-30, 1e-38, 3e38] as [Float] {
      let unit = try run([Float](repeating: value, count: 64), images: 1, perImage: 1, scale: ones, shift: zeros).unit
      #expect(unit.allSatisfy { abs($0 - 0.125) < 1e-6 }, "\(value)")
    }
    var poisoned = [Float](repeating: 1, count: 128)
    poisoned[70] = .nan
    let answer = try run(poisoned, images: 2, perImage: 1, scale: ones, shift: zeros)
    #expect(answer.unit[..<64].allSatisfy { $0 == 0.125 })
    #expect(answer.unit[64...].contains { $0.isNaN })
    #expect(answer.raw[70].isNaN)
    #expect(try run(zeros, images: 1, perImage: 1, scale: ones, shift: zeros).unit.allSatisfy { $0.isNaN })
  }
}
