import Operators

extension Architecture {
  /// Every operation of the forward pass at every size that one image of `preprocessing` makes it run at, each once.
  ///
  /// - Parameter precision: of the linear layers.
  package func layerShapes(_ preprocessing: Preprocessing, precision: Precision = .f32) -> [OperatorShape] {
    func linear(
      _ rows: Int, _ inputs: Int, _ outputs: Int, _ epilogue: GEMM.Epilogue, group: Int? = nil
    ) -> OperatorShape {
      .gemm(
        rows: rows, inputs: inputs, outputs: outputs, epilogue: epilogue, precision: precision,
        group: precision == .int8 ? group : nil)
    }
    var shapes: [OperatorShape] = [
      .preprocess(
        width: preprocessing.resize + 100, height: preprocessing.resize, resize: preprocessing.resize,
        crop: preprocessing.crop, patch: patchSize),
      .patchEmbedding(
        rows: (preprocessing.crop / patchSize) * (preprocessing.crop / patchSize), patch: patchSize,
        channels: embedDimension),
    ]
    var side = preprocessing.crop / patchSize
    for stage in 0..<stages {
      let c = channels(stage: stage)
      let rows = side * side
      shapes += [
        .layerNorm(rows: rows, channels: c, precision: precision),
        linear(rows, c, 3 * c, .bias),
      ]
      for shift in Set((0..<depths[stage]).map { self.shift(stage: stage, block: $0) }).sorted() {
        let shape = WindowAttention.Shape(
          side: side, window: window(stage: stage), shift: shift, heads: heads[stage],
          headDimension: c / heads[stage])
        shapes.append(.windowAttention(images: 1, shape, precision: precision))
        shapes.append(.swinBlock(images: 1, shape, precision: precision))
      }
      shapes += [
        linear(rows, c, c, .residual, group: c / heads[stage]),
        linear(rows, c, Self.mlpRatio * c, .gelu),
        linear(rows, Self.mlpRatio * c, c, .residual, group: GEMM.outputGroup(Self.mlpRatio * c)),
      ]
      if stage < stages - 1 {
        shapes.append(.patchMerging(images: 1, side: side, channels: c, precision: precision))
        side = (side + 1) / 2
      }
    }
    shapes.append(.pool(images: 1, tokens: side * side, channels: dimension))
    return shapes
  }
}
