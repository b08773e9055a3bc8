/// The shape of an EsViT Swin backbone: everything that the forward pass has to know beside the weights.
///
/// Swin Transformer (arXiv 2103.14030), section 3; EsViT (arXiv 2106.09785), section 3.1. Stage `s` works on a map of
/// `(side / patchSize) >> s` tokens a side with `embedDimension << s` channels.
package struct Architecture: Sendable, Equatable, Codable {
  /// Channels of the first stage, C.
  package let embedDimension: Int
  /// Blocks a stage.
  package let depths: [Int]
  /// Attention heads a stage.
  package let heads: [Int]
  /// Side of the attention window, in tokens. A stage whose map is not larger uses the whole map instead.
  package let window: Int
  /// Side of a patch, in pixels.
  package let patchSize: Int
  /// Side of the input the model was trained at, in pixels. It decides which stages' windows cover the whole map.
  package let trainedSide: Int

  package init(
    embedDimension: Int, depths: [Int], heads: [Int], window: Int, patchSize: Int = 4, trainedSide: Int = 224
  ) {
    self.embedDimension = embedDimension
    self.depths = depths
    self.heads = heads
    self.window = window
    self.patchSize = patchSize
    self.trainedSide = trainedSide
  }

  enum CodingKeys: String, CodingKey {
    case embedDimension = "embed_dimension"
    case depths
    case heads
    case window
    case patchSize = "patch_size"
    case trainedSide = "trained_side"
  }

  /// Hidden width of the MLP over the width of its stage.
  package static let mlpRatio = 4

  package var stages: Int { depths.count }

  /// Length of the embedding: the channels of the last stage.
  package var dimension: Int { channels(stage: stages - 1) }

  /// Channels of a stage: C, 2C, 4C, …
  package func channels(stage: Int) -> Int { embedDimension << stage }

  /// Tokens a side of a stage's map at the trained side.
  package func trainedMapSide(stage: Int) -> Int { (trainedSide / patchSize) >> stage }

  /// Whether the window of a stage is the whole map, so that none of its blocks shifts.
  package func windowCoversMap(stage: Int) -> Bool { trainedMapSide(stage: stage) <= window }

  /// Side of a stage's window, in tokens.
  package func window(stage: Int) -> Int { min(window, trainedMapSide(stage: stage)) }

  /// Cyclic shift of a block, in tokens, towards the origin; 0 for even blocks and where the window covers the map.
  package func shift(stage: Int, block: Int) -> Int {
    windowCoversMap(stage: stage) || block.isMultiple(of: 2) ? 0 : window(stage: stage) / 2
  }

  /// Names and shapes of all tensors of the backbone, in the order of the forward pass. The names are those of the
  /// original EsViT implementation.
  package var tensorShapes: [(name: String, shape: [Int])] {
    let c = embedDimension
    var all: [(name: String, shape: [Int])] = [
      ("patch_embed.proj.weight", [c, 3, patchSize, patchSize]),
      ("patch_embed.proj.bias", [c]),
      ("patch_embed.norm.weight", [c]),
      ("patch_embed.norm.bias", [c]),
    ]
    for stage in 0..<stages {
      let width = channels(stage: stage)
      let hidden = Self.mlpRatio * width
      let positions = 2 * window(stage: stage) - 1
      for block in 0..<depths[stage] {
        let prefix = "layers.\(stage).blocks.\(block)."
        all += [
          (prefix + "norm1.weight", [width]),
          (prefix + "norm1.bias", [width]),
          (prefix + "attn.qkv.weight", [3 * width, width]),
          (prefix + "attn.qkv.bias", [3 * width]),
          (prefix + "attn.relative_position_bias_table", [positions * positions, heads[stage]]),
          (prefix + "attn.proj.weight", [width, width]),
          (prefix + "attn.proj.bias", [width]),
          (prefix + "norm2.weight", [width]),
          (prefix + "norm2.bias", [width]),
          (prefix + "mlp.fc1.weight", [hidden, width]),
          (prefix + "mlp.fc1.bias", [hidden]),
          (prefix + "mlp.fc2.weight", [width, hidden]),
          (prefix + "mlp.fc2.bias", [width]),
        ]
      }
      if stage < stages - 1 {
        let prefix = "layers.\(stage).downsample."
        all += [
          (prefix + "norm.weight", [4 * width]),
          (prefix + "norm.bias", [4 * width]),
          (prefix + "reduction.weight", [2 * width, 4 * width]),
        ]
      }
    }
    all += [("norm.weight", [dimension]), ("norm.bias", [dimension])]
    return all
  }

  /// Number of weights.
  package var parameterCount: Int {
    tensorShapes.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }
}

extension Architecture {
  /// The variants of the paper by their letter: Swin-T, Swin-S and Swin-B.
  package static func named(_ letter: Character, window: Int) -> Architecture? {
    switch letter {
    case "t": Architecture(embedDimension: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24], window: window)
    case "s": Architecture(embedDimension: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24], window: window)
    case "b": Architecture(embedDimension: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32], window: window)
    default: nil
    }
  }

  /// A short name: `swin-t-w7` for the paper's variants, else by its width, `swin-c32-w7`.
  package var name: String {
    for letter in ["t", "s", "b"] as [Character]
    where Architecture.named(letter, window: window).map({ $0.depths == depths && $0.heads == heads }) == true {
      return "swin-\(letter)-w\(window)"
    }
    return "swin-c\(embedDimension)-w\(window)"
  }
}
