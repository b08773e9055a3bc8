/// An EsViT backbone on the host: its architecture, weights and preprocessing, ready to be put on a device.
package struct Model: Sendable {
  /// A short name: the file's without its extension, or `random:swin-t-w7`.
  package let name: String
  package let architecture: Architecture
  package let preprocessing: Preprocessing
  /// The weights by their name in the original implementation, exactly those of `architecture.tensorShapes`.
  package let tensors: [String: Tensor]
  /// What the file's header says about it: `source`, `date`, `license` and whatever else it holds.
  package let header: [String: String]
  /// 64 hexadecimal digits that name what the model computes, see `Fingerprint`.
  package let fingerprint: String

  init(
    name: String, architecture: Architecture, preprocessing: Preprocessing, tensors: [String: Tensor],
    header: [String: String]
  ) {
    self.name = name
    self.architecture = architecture
    self.preprocessing = preprocessing
    self.tensors = tensors
    self.header = header
    fingerprint = Fingerprint.of(tensors: tensors, preprocessing: preprocessing)
  }

  /// A model of generated weights (`RandomWeights`): for trials, benchmarks and parity with other implementations.
  package static func random(_ architecture: Architecture, preprocessing: Preprocessing? = nil) -> Model {
    Model(
      name: "random:" + architecture.name, architecture: architecture,
      preprocessing: preprocessing ?? .standard(trainedSide: architecture.trainedSide),
      tensors: RandomWeights.tensors(for: architecture),
      header: ["source": "generated weights", "license": "CC0-1.0"])
  }

  /// Loads a model.
  ///
  /// - Parameter spec: the path of a `.safetensors` file or of an original or timm `.pth` checkpoint, told apart by
  ///   their content, or `random:swin-{t,s,b}-w{7,14}`.
  /// - Throws: `ModelError`, which names the file, the place in it and the remedy.
  package static func load(_ spec: String) throws(ModelError) -> Model {
    let randomPrefix = "random:"
    if spec.hasPrefix(randomPrefix) {
      return try random(variant: String(spec.dropFirst(randomPrefix.count)))
    }
    throw .unreadable(file: spec, reason: "not there")
  }

  private static func random(variant: String) throws(ModelError) -> Model {
    for letter in "tsb" {
      for window in [7, 14] where variant == "swin-\(letter)-w\(window)" {
        if let architecture = Architecture.named(letter, window: window) { return random(architecture) }
      }
    }
    throw .unknownVariant("random:" + variant)
  }
}
