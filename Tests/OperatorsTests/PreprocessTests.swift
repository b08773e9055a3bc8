import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("Preprocess")
struct PreprocessTests {
  private func run(
    _ variant: Variant, _ images: [RGB8Image], resize: Int = 40, crop: Int = 32, patch: Int = 4,
    workGroupLimit: Int? = nil
  ) throws -> [Float] {
    let context = try SharedContext.get()
    let preprocess = try Preprocess(
      context: context, resize: resize, crop: crop, patch: patch, variant: variant, workGroupLimit: workGroupLimit)
    let patches = try context.makeBuffer([Float](repeating: .nan, count: images.count * preprocess.patchCount))
    try preprocess.enqueue(images, patches: patches)
    defer { preprocess.reset() }
    return try context.queue.read(patches)
  }

  private func image(_ width: Int, _ height: Int) -> RGB8Image {
    var noise = Noise(seed: UInt64(width * 10_000 + height))
    return RGB8Image(width: width, height: height, pixels: noise.bytes(width * height * 3))
  }

  @Test("the CPU's kernels give the portable ones' bits, for images of every shape, in any batch")
  func sameBits() throws {
    let images = [(40, 40), (1, 1), (1, 90), (90, 1), (33, 47), (700, 41), (41, 700), (1300, 1200), (17, 5000)].map(
      image)
    let batch = try run(.cpu, images)
    for (place, image) in images.enumerated() {
      let alone = try run(.portable, [image])
      #expect(Array(batch[place * alone.count..<(place + 1) * alone.count]) == alone, "\(image.width)×\(image.height)")
    }
    // A span longer than the CPU's block, and a crop that is no multiple of its vectors.
    let wide = image(9000, 60)
    #expect(try run(.cpu, [wide], resize: 16, crop: 16) == run(.portable, [wide], resize: 16, crop: 16))
    let odd = image(50, 50)
    #expect(try run(.cpu, [odd], resize: 44, crop: 36) == run(.portable, [odd], resize: 44, crop: 36))
    #expect(try run(.cpu, [odd], patch: 16) == run(.portable, [odd], patch: 16))
  }

  @Test("an image as large as the crop passes through unchanged", arguments: Variant.allCases)
  func identity(variant: Variant) throws {
    let image = image(32, 32)
    let patches = try run(variant, [image], resize: 32)
    for y in 0..<32 {
      for x in 0..<32 {
        for c in 0..<3 {
          let place = ((y / 4 * 8 + x / 4) * 16 + y % 4 * 4 + x % 4) * 3 + c
          #expect(patches[place] == Float(image.pixels[(y * 32 + x) * 3 + c]))
        }
      }
    }
  }

  @Test("the portable kernels give the same bits at every work-group limit", arguments: [1, 3, 32])
  func workGroupLimits(limit: Int) throws {
    let image = image(50, 70)
    let free = try run(.portable, [image])
    #expect(try run(.portable, [image], workGroupLimit: limit) == free)
  }

  @Test("an image without its pixels and sizes that do not divide are refused")
  func refusals() throws {
    let context = try SharedContext.get()
    #expect(throws: OpenCLError.self) { try run(.cpu, [RGB8Image(width: 3, height: 3, pixels: [1])]) }
    for (resize, crop, patch) in [(31, 32, 4), (32, 30, 4), (32, 0, 4), (32, 32, 0)] {
      #expect(throws: OpenCLError.self) {
        try Preprocess(context: context, resize: resize, crop: crop, patch: patch, variant: .portable)
      }
    }
  }
}
