import FoundationEssentials

extension Model {
  /// Loads a model.
  ///
  /// - Parameters:
  ///   - spec: the path of a `.safetensors` file or of an original or timm `.pth` checkpoint, told apart by their
  ///     content, or `random:swin-{t,s,b}-w{7,14}`.
  ///   - weights: which network of an original checkpoint to take; nil takes the teacher where there is one.
  /// - Throws: `ModelError`, which names the file, the place in it and the remedy.
  package static func load(_ spec: String, weights: Weights? = nil) throws(ModelError) -> Model {
    let random = "random:"
    if spec.hasPrefix(random) { return try generated(spec.dropFirst(random.count)) }
    let file = try ModelFile(path: spec)
    let checkpoint = try open(file, weights: weights)
    let header = Header(file: file.path, words: checkpoint.metadata)
    let said = try header.architecture()
    let backbone = try Backbone(checkpoint, trainedSide: said?.trainedSide)
    // The header's architecture is for readers; the shapes decide, and it must not contradict them.
    if let said, said != backbone.architecture {
      throw .header(
        file: file.path, key: "architecture", reason: "the tensors' shapes say \(backbone.architecture.json)")
    }
    var tensors: [String: Tensor] = [:]
    for (name, stored) in backbone.tensors { tensors[name] = try stored.read(name: name, from: file) }
    return Model(
      name: name(ofFile: spec), architecture: backbone.architecture,
      preprocessing: try header.preprocessing() ?? .standard(trainedSide: backbone.architecture.trainedSide),
      tensors: tensors, header: header.words.filter { !Header.computed.contains($0.key) }, loss: try header.loss())
  }

  /// `Models/swin-c32-w7.safetensors` is `swin-c32-w7`.
  private static func name(ofFile path: String) -> String {
    let file = path.split(separator: "/").last ?? ""
    let ending = [".safetensors", ".pth", ".pt"].first(where: file.hasSuffix)
    return String(file.dropLast(ending?.count ?? 0))
  }

  private static func generated(_ variant: Substring) throws(ModelError) -> Model {
    for letter in "tsb" {
      for window in [7, 14] where variant == "swin-\(letter)-w\(window)" {
        if let architecture = Architecture.named(letter, window: window) { return random(architecture) }
      }
    }
    throw .unknownVariant("random:\(variant)")
  }

  /// Tells the formats apart by their first bytes.
  private static func open(_ file: ModelFile, weights: Weights?) throws(ModelError) -> Checkpoint {
    let start = try file.read(0..<min(14, file.size), place: "the first bytes")
    if start.starts(with: ZipArchive.signature) { return try TorchCheckpoint.open(file, weights: weights) }
    if start == LegacyTorchCheckpoint.signature { return try LegacyTorchCheckpoint.open(file, weights: weights) }
    if start.first == 0x80 {
      throw .unknownFormat(file: file.path, reason: "a pickle that torch.save did not write")
    }
    guard start.count >= 9, start[8] == UInt8(ascii: "{") else {
      throw .unknownFormat(
        file: file.path, reason: start.isEmpty ? "it is empty" : "neither safetensors nor a zip file")
    }
    if let weights {
      throw .noWeights(file: file.path, reason: "a safetensors file has no '\(weights.rawValue)'")
    }
    return try SafetensorsReader.open(file)
  }
}

/// The words of a safetensors header that the daemon follows.
private struct Header {
  let file: String
  let words: [String: String]

  /// Written from the model itself, so not part of what people say about it.
  static let computed: Set<String> = ["architecture", "preprocessing", "loss"]

  func architecture() throws(ModelError) -> Architecture? {
    guard let text = words["architecture"] else { return nil }
    guard let said = try? JSONDecoder().decode(Architecture.self, from: Data(text.utf8)) else {
      throw .header(file: file, key: "architecture", reason: "'\(text)' does not describe one")
    }
    return said
  }

  func preprocessing() throws(ModelError) -> Preprocessing? {
    guard let text = words["preprocessing"] else { return nil }
    guard let said = try? JSONDecoder().decode(Preprocessing.self, from: Data(text.utf8)) else {
      throw .header(file: file, key: "preprocessing", reason: "'\(text)' is not resize, crop, mean and std")
    }
    if let problem = said.problem { throw .header(file: file, key: "preprocessing", reason: problem) }
    return said
  }

  func loss() throws(ModelError) -> PrecisionLoss? {
    guard let text = words["loss"] else { return nil }
    guard let said = try? JSONDecoder().decode(PrecisionLoss.self, from: Data(text.utf8)) else {
      throw .header(file: file, key: "loss", reason: "'\(text)' is not the cosines of bf16 and int8, images and source")
    }
    if let problem = said.problem { throw .header(file: file, key: "loss", reason: problem) }
    return said
  }
}
