import OpenCL

/// Runs one operator at one shape on generated values and compares rows of its output with `Truth`.
@DeviceActor
struct OperatorCheck {
  let context: Context
  let variants: Variants

  /// The largest error that rounding can explain, relative to the largest magnitude of the answer.
  static func tolerance(of shape: OperatorShape) -> Double {
    switch shape {
    case .preprocess: 1.0 / 255  // one step, where a value falls between two
    // Rows are written rounded: half a step is a 254th of the largest magnitude.
    case .layerNorm(_, _, let precision) where precision != .f32: 4.5e-3
    case .windowAttention(_, _, let precision) where precision != .f32: 4.5e-3
    case .gemm(_, _, _, .gelu, let precision, _) where precision != .f32: 4.5e-3
    // Where the device's norm differs in the last place from the host's, a value between two steps may go either way.
    case .patchMerging(_, _, _, let precision) where precision != .f32: 2e-2
    case .swinBlock(_, _, let precision) where precision != .f32: 2e-2
    case .distance, .distanceInt8, .topK: 1  // in units of the operator's own proven bound
    default: 1e-5
    }
  }

  func error(of shape: OperatorShape) throws(OpenCLError) -> Double {
    switch shape {
    case .preprocess(let width, let height, let resize, let crop, let patch):
      try preprocess(width, height, resize, crop, patch)
    case .patchEmbedding(let rows, let patch, let channels): try patchEmbedding(rows, patch, channels)
    case .layerNorm(let rows, let channels, let precision): try layerNorm(rows, channels, precision)
    case .gemm(let rows, let inputs, let outputs, let epilogue, let precision, let group):
      try gemm(rows, inputs, outputs, epilogue, precision, group)
    case .windowAttention(let images, let shape, let precision): try windowAttention(images, shape, precision)
    case .swinBlock(let images, let shape, let precision): try swinBlock(images, shape, precision)
    case .patchMerging(let images, let side, let channels, let precision):
      try patchMerging(images, side, channels, precision)
    case .pool(let images, let tokens, let channels): try pool(images, tokens, channels)
    case .distance(let rows, let queries, let dimension, let format):
      try distance(rows, queries, dimension, format)
    case .distanceInt8(let rows, let queries, let dimension, let format):
      try distanceInt8(rows, queries, dimension, format)
    case .topK(let rows, let k): try topK(rows, k)
    }
  }

  /// Rows to compare: the first and the last, and some between them.
  private func sample(_ rows: Int) -> [Int] {
    rows <= 8 ? Array(0..<rows) : (0..<8).map { $0 * (rows - 1) / 7 }
  }

  /// The largest difference of `rows` of `output` (`width` elements each) from `truth`, over the largest magnitude.
  private func compare(
    _ output: [Float], width: Int, rows: [Int], _ truth: (Int) -> [Double]
  ) -> Double {
    var error = 0.0
    var scale = 0.0
    for row in rows {
      for (value, answer) in zip(output[row * width..<(row + 1) * width], truth(row)) {
        let difference = abs(Double(value) - answer)
        if difference.isNaN { return .nan }
        error = max(error, difference)
        scale = max(scale, abs(answer))
      }
    }
    return scale > 0 ? error / scale : error
  }

  /// What an operator of `kind` writes in front of a layer of `precision`, its rows in groups of `group`.
  private func format(_ kind: OperatorKind, _ precision: Precision, group: Int) -> OperandFormat {
    guard variants[kind] == .cpu, variants[.gemm(of: precision)] == .packed else { return .f32 }
    switch precision {
    case .f32: return .f32
    case .bf16: return .bf16
    case .int8: return .int8(group: group)
    }
  }

  private func doubles(_ values: [Float], _ row: Int, _ width: Int) -> [Double] {
    values[row * width..<(row + 1) * width].map(Double.init)
  }

  private func preprocess(
    _ width: Int, _ height: Int, _ resize: Int, _ crop: Int, _ patch: Int
  ) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 1)
    let image = RGB8Image(width: width, height: height, pixels: noise.bytes(width * height * 3))
    let operation = try Preprocess(
      context: context, resize: resize, crop: crop, patch: patch, variant: variants[.preprocess])
    let patches = try context.makeBuffer([Float](repeating: .nan, count: operation.patchCount))
    try operation.enqueue([image], patches: patches)
    let output = try context.queue.read(patches)
    operation.reset()
    let geometry = ResizeGeometry(width: width, height: height, resize: resize, crop: crop)
    var error = 0.0
    for channel in 0..<3 {
      let narrow = (0..<height).map { y in
        Truth.resize((0..<width).map { Double(image.pixels[(y * width + $0) * 3 + channel]) }, geometry.width)
      }
      for x in 0..<crop {
        for (y, answer) in Truth.resize(narrow.map { $0[x] }, geometry.height).enumerated() {
          let token = (y / patch) * (crop / patch) + x / patch
          let value = output[((token * patch + y % patch) * patch + x % patch) * 3 + channel]
          let difference = abs(Double(value) - answer) / 255
          if difference.isNaN { return .nan }
          error = max(error, difference)
        }
      }
    }
    return error
  }

  private func patchEmbedding(_ rows: Int, _ patch: Int, _ channels: Int) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 2)
    let inputs = 3 * patch * patch
    let weight = noise.floats(channels * inputs)
    let bias = noise.floats(channels)
    let scale = noise.floats(channels)
    let shift = noise.floats(channels)
    let mean: [Float] = [0.5, 0.25, 0.75]
    let std: [Float] = [0.25, 0.5, 0.125]
    let pixels = noise.bytes(rows * inputs).map(Float.init)
    let operation = try PatchEmbedding(
      context: context, patch: patch, weight: weight, bias: bias, mean: mean, std: std, norm: (scale, shift),
      variants: variants)
    let tokens = try context.makeBuffer([Float](repeating: .nan, count: GEMM.paddedRows(rows) * channels))
    let patches = try context.makeBuffer(pixels + [Float](repeating: 0, count: (GEMM.paddedRows(rows) - rows) * inputs))
    try operation.enqueue(patches: patches, tokens: tokens, rows: rows)
    let output = try context.queue.read(tokens, count: rows * channels)
    let plain = LinearWeights(inputs: inputs, outputs: channels, weight: weight, bias: bias)
    return compare(output, width: channels, rows: sample(rows)) { row in
      // The convolution's order is channel, row, column.
      let input = (0..<inputs).map { i in
        let c = i / (patch * patch)
        return (Double(pixels[row * inputs + i % (patch * patch) * 3 + c]) / 255 - Double(mean[c])) / Double(std[c])
      }
      return zip(Truth.layerNorm(Truth.linear(plain, input: input)), zip(scale, shift)).map {
        $0 * Double($1.0) + Double($1.1)
      }
    }
  }

  private func layerNorm(_ rows: Int, _ channels: Int, _ precision: Precision) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 3)
    let input = noise.floats(rows * channels).map { 3 * $0 + 1 }
    let format = channels.isMultiple(of: 16) ? format(.layerNorm, precision, group: channels) : .f32
    let operation = try LayerNorm(
      context: context, channels: channels, output: format, variant: variants[.layerNorm])
    let output = try Operand(rows: rows, width: channels, format, in: context)
    try operation.enqueue(input: try context.makeBuffer(input), output: output, rows: rows)
    return compare(try output.read(rows * channels, format, from: context), width: channels, rows: sample(rows)) {
      Truth.layerNorm(doubles(input, $0, channels))
    }
  }

  private func gemm(
    _ rows: Int, _ inputs: Int, _ outputs: Int, _ epilogue: GEMM.Epilogue, _ precision: Precision, _ group: Int?
  ) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 4)
    let weights = LinearWeights(
      inputs: inputs, outputs: outputs, weight: noise.floats(inputs * outputs), bias: noise.floats(outputs),
      inputScale: noise.floats(inputs), inputShift: noise.floats(inputs), outputScale: noise.floats(outputs))
    let input = noise.floats(rows * inputs)
    let before = noise.floats(GEMM.paddedRows(rows) * outputs)
    func layer(_ output: OperandFormat) throws(OpenCLError) -> GEMM {
      try GEMM(
        context: context, weights: weights, epilogue: epilogue, precision: precision, group: group, output: output,
        variant: variants[.gemm(of: precision)])
    }
    var operation = try layer(.f32)
    var format = OperandFormat.f32
    if operation.variant == .packed, epilogue == .gelu {
      // The encoder's hidden layer, written as the next layer reads it.
      format = precision == .bf16 ? .bf16 : .int8(group: GEMM.outputGroup(outputs))
      operation = try layer(format)
    }
    let padded = GEMM.paddedRows(rows)
    let operand = try Operand(rows: input, width: inputs, paddedRows: padded, operation.inputFormat, in: context)
    let output =
      format == .f32
      ? Operand(values: try context.makeBuffer(before))
      : try Operand(rows: padded, width: outputs, format, in: context)
    try operation.enqueue(input: operand, output: output, rows: rows)
    let rounded = Truth.RoundedWeights(weights, precision)
    let result = try output.read(rows * outputs, format, from: context)
    return compare(result, width: outputs, rows: sample(rows)) { row in
      let sums =
        precision == .f32
        ? Truth.linear(weights, input: doubles(input, row, inputs))
        : Truth.linear(rounded, input: input[row * inputs..<(row + 1) * inputs], group: group)
      switch epilogue {
      case .bias: return sums
      case .gelu: return sums.map(Truth.gelu)
      case .residual: return zip(sums, before[row * outputs..<(row + 1) * outputs]).map { $0 + Double($1) }
      }
    }
  }

  private func windowAttention(
    _ images: Int, _ shape: WindowAttention.Shape, _ precision: Precision
  ) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 5)
    let positions = 2 * shape.window - 1
    let table = noise.floats(positions * positions * shape.heads).map { 2 * $0 }
    let padding = noise.floats(3 * shape.channels)
    let rows = images * shape.side * shape.side
    let qkv = noise.floats(rows * 3 * shape.channels)
    let holds = WindowAttention.holds(shape, on: context.device)
    let format = holds ? format(.windowAttention, precision, group: shape.headDimension) : .f32
    let operation = try WindowAttention(
      context: context, shape: shape, table: table, paddingToken: padding, output: format,
      variant: variants[.windowAttention])
    let output = try Operand(rows: rows, width: shape.channels, format, in: context)
    try operation.enqueue(input: try context.makeBuffer(qkv), output: output, images: images)
    let tokens = shape.side * shape.side
    let result = try output.read(rows * shape.channels, format, from: context)
    return compare(result, width: shape.channels, rows: sample(rows)) {
      Truth.attention(
        shape, qkv: qkv, paddingToken: padding, table: table, image: $0 / tokens, token: $0 % tokens)
    }
  }

  private func swinBlock(
    _ images: Int, _ shape: WindowAttention.Shape, _ precision: Precision
  ) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 10)
    let weights = SwinBlock.Weights(shape, noise: &noise)
    let rows = images * shape.side * shape.side
    let tokens = noise.floats(rows * shape.channels)
    // One compute unit: the kernel is checked also where a device has too many to be used at this size.
    let operation = try SwinBlock(
      context: context, shape: shape, weights: weights, precision: precision, variants: variants, computeUnits: 1)
    let padded = GEMM.paddedRows(rows) * shape.channels
    let buffer = try context.makeBuffer(tokens + [Float](repeating: 0, count: padded - tokens.count))
    let zeros = [Float](repeating: 0, count: 4 * padded)
    func scratch() throws(OpenCLError) -> Operand {
      Operand(values: try context.makeBuffer(zeros), steps: try context.makeBuffer(zeros))
    }
    try operation.enqueue(tokens: buffer, narrow: try scratch(), wide: try scratch(), images: images)
    let truth = BlockTruth(shape, weights, precision: precision, tokens: tokens)
    return compare(try context.queue.read(buffer), width: shape.channels, rows: sample(rows), truth.row)
  }

  private func patchMerging(
    _ images: Int, _ side: Int, _ channels: Int, _ precision: Precision
  ) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 6)
    let inputs = 4 * channels
    let weights = LinearWeights(
      inputs: inputs, outputs: 2 * channels, weight: noise.floats(inputs * 2 * channels),
      inputScale: noise.floats(inputs), inputShift: noise.floats(inputs))
    let tokens = noise.floats(images * side * side * channels)
    let operation = try PatchMerging(
      context: context, side: side, channels: channels, reduction: weights, precision: precision, variants: variants)
    let merged = operation.mergedSide * operation.mergedSide
    let rows = images * merged
    let padded = GEMM.paddedRows(rows)
    let count = max(tokens.count, padded * 2 * channels)
    let buffer = try context.makeBuffer(tokens + [Float](repeating: 0, count: count - tokens.count))
    let scratch = Operand(
      values: try context.makeBuffer([Float](repeating: 0, count: padded * inputs)),
      steps: try context.makeBuffer([Float](repeating: 0, count: padded)))
    try operation.enqueue(tokens: buffer, scratch: scratch, images: images)
    let rounded = Truth.RoundedWeights(weights, precision)
    return compare(try context.queue.read(buffer), width: 2 * channels, rows: sample(rows)) { row in
      let neighbours = Truth.neighbours(
        tokens, side: side, channels: channels, image: row / merged, token: row % merged)
      let normal = Truth.layerNorm(neighbours)
      return precision == .f32
        ? Truth.linear(weights, input: normal) : Truth.linear(rounded, input: normal.map { Float($0) })
    }
  }

  private func pool(_ images: Int, _ tokens: Int, _ channels: Int) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 7)
    let scale = noise.floats(channels)
    let shift = noise.floats(channels)
    let input = noise.floats(images * tokens * channels)
    let operation = try Pool(context: context, scale: scale, shift: shift)
    let output = try context.makeBuffer([Float](repeating: .nan, count: images * 2 * channels))
    try operation.enqueue(
      tokens: try context.makeBuffer(input), output: output, images: images, tokensPerImage: tokens)
    func answer(_ image: Int) -> [Double] {
      (0..<channels).map { c in
        let sum = (0..<tokens).reduce(0.0) { $0 + Double(input[(image * tokens + $1) * channels + c]) }
        return sum / Double(tokens) * Double(scale[c]) + Double(shift[c])
      }
    }
    let values = try context.queue.read(output)
    let rawError = compare(values, width: channels, rows: sample(images).map { 2 * $0 }) { answer($0 / 2) }
    let unitError = compare(values, width: channels, rows: sample(images).map { 2 * $0 + 1 }) {
      let row = answer($0 / 2)
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return row.map { $0 / length }
    }
    return rawError.isNaN || unitError.isNaN ? .nan : max(rawError, unitError)
  }
}
