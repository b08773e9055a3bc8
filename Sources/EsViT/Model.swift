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
  /// What its file's header says of lower precisions; nil where that was never measured.
  package let loss: PrecisionLoss?
  /// 64 hexadecimal digits that name what the model computes, see `Fingerprint`.
  package let fingerprint: String

  init(
    name: String, architecture: Architecture, preprocessing: Preprocessing, tensors: [String: Tensor],
    header: [String: String], loss: PrecisionLoss? = nil
  ) {
    self.name = name
    self.architecture = architecture
    self.preprocessing = preprocessing
    self.tensors = tensors
    self.header = header
    self.loss = loss
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

  /// The same weights with another preprocessing, for which what was measured no longer holds, and other header words.
  package func with(
    preprocessing: Preprocessing? = nil, header: [String: String]? = nil, loss: PrecisionLoss? = nil
  ) -> Model {
    let preprocessing = preprocessing ?? self.preprocessing
    return Model(
      name: name, architecture: architecture, preprocessing: preprocessing, tensors: tensors,
      header: header ?? self.header, loss: loss ?? (preprocessing == self.preprocessing ? self.loss : nil))
  }
}
