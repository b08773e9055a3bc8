import Operators

extension Architecture {
  /// Every operation of the forward pass at every size that one image of `preprocessing` makes it run at, each once.
  package func layerShapes(_ preprocessing: Preprocessing) -> [OperatorShape] {
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
        .layerNorm(rows: rows, channels: c),
        .gemm(rows: rows, inputs: c, outputs: 3 * c, epilogue: .bias),
      ]
      for shift in Set((0..<depths[stage]).map { self.shift(stage: stage, block: $0) }).sorted() {
        shapes.append(
          .windowAttention(
            images: 1,
            WindowAttention.Shape(
              side: side, window: window(stage: stage), shift: shift, heads: heads[stage],
              headDimension: c / heads[stage])))
      }
      shapes += [
        .gemm(rows: rows, inputs: c, outputs: c, epilogue: .residual),
        .gemm(rows: rows, inputs: c, outputs: Self.mlpRatio * c, epilogue: .gelu),
        .gemm(rows: rows, inputs: Self.mlpRatio * c, outputs: c, epilogue: .residual),
      ]
      if stage < stages - 1 {
        shapes.append(.patchMerging(images: 1, side: side, channels: c))
        side = (side + 1) / 2
      }
    }
    shapes.append(.pool(images: 1, tokens: side * side, channels: dimension))
    return shapes
  }
}
