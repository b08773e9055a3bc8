/// The backbone inside a checkpoint: its tensors under their canonical names and the architecture that their shapes
/// tell.
struct Backbone: Sendable {
  let architecture: Architecture
  let tensors: [String: StoredTensor]

  /// - Parameter trainedSide: what the file's header says; heeded where the shapes allow it.
  /// - Throws: `ModelError.missing` or `.misshapen`, which name the first tensor that does not fit.
  init(_ checkpoint: Checkpoint, trainedSide: Int? = nil) throws(ModelError) {
    let file = checkpoint.file
    var named = try Self.canonical(checkpoint)
    architecture = try Self.architecture(named, trainedSide: trainedSide, file: file)
    var bytes = 0
    var used: [String: StoredTensor] = [:]
    for (name, shape) in architecture.tensorShapes {
      guard let tensor = named.removeValue(forKey: name) else { throw .missing(file: file.path, tensor: name) }
      guard tensor.shape == shape, let dtype = Tensor.DType(rawValue: tensor.type) else {
        throw .misshapen(
          file: file.path, tensor: name, found: tensor.description, expected: "F32, F16 or BF16 \(shape)")
      }
      used[name] = tensor
      bytes += tensor.count * dtype.size
    }
    // Tensors that share their bytes would let a small file ask for any amount of memory.
    guard bytes <= file.size else {
      throw file.malformed("its tensors", "they need \(bytes) bytes and the file has \(file.size)")
    }
    tensors = used
  }

  /// Strips the prefixes of training (`module.` of data parallelism, `backbone.` of the wrapper with the head), keeps
  /// the backbone's names and leaves the heads', the masks' and the index tables' aside.
  ///
  /// timm keeps `downsample` at the start of the next stage: there the last stage has one and the first has none.
  private static func canonical(_ checkpoint: Checkpoint) throws(ModelError) -> [String: StoredTensor] {
    var named: [String: StoredTensor] = [:]
    for (original, tensor) in checkpoint.tensors {
      var name = original[...]
      while let prefix = ["module.", "backbone."].first(where: name.hasPrefix) { name = name.dropFirst(prefix.count) }
      guard ["patch_embed.", "layers.", "norm."].contains(where: name.hasPrefix) else { continue }
      guard named.updateValue(tensor, forKey: String(name)) == nil else {
        throw checkpoint.file.malformed("the tensor '\(original)'", "another one has the same name without prefixes")
      }
    }
    guard !named.keys.contains(where: { $0.hasPrefix("layers.0.downsample.") }) else { return named }
    var moved: [String: StoredTensor] = [:]
    for (name, tensor) in named {
      if let (stage, rest) = stageAndRest(name), stage > 0, rest.hasPrefix("downsample.") {
        moved["layers.\(stage - 1).\(rest)"] = tensor
      } else {
        moved[name] = tensor
      }
    }
    return moved
  }

  /// `layers.2.blocks.0.norm1.bias` is stage 2 and `blocks.0.norm1.bias`.
  private static func stageAndRest(_ name: String) -> (stage: Int, rest: String)? {
    let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "layers", let stage = Int(parts[1]), (0..<8).contains(stage) else { return nil }
    return (stage, String(parts[2]))
  }

  // MARK: The architecture from the shapes

  private static func architecture(
    _ tensors: [String: StoredTensor], trainedSide: Int?, file: ModelFile
  ) throws(ModelError) -> Architecture {
    let projection = try shape("patch_embed.proj.weight", of: tensors, file: file, expected: "[C, 3, 4, 4]") {
      $0.count == 4 && $0[1] == 3 && $0[2] == $0[3] && (1...32).contains($0[2]) && (1...8192).contains($0[0])
    }
    var depths: [Int] = []
    for name in tensors.keys {
      guard let (stage, rest) = stageAndRest(name) else { continue }
      let parts = rest.split(separator: ".")
      guard parts.count >= 2, parts[0] == "blocks", let block = Int(parts[1]), (0..<256).contains(block) else {
        continue
      }
      while depths.count <= stage { depths.append(1) }  // a stage without blocks is found missing below
      depths[stage] = max(depths[stage], block + 1)
    }
    if depths.isEmpty { throw .missing(file: file.path, tensor: "layers.0.blocks.0.norm1.weight") }

    var heads: [Int] = []
    var windows: [Int] = []
    for stage in depths.indices {
      let channels = projection[0] << stage
      let name = "layers.\(stage).blocks.0.attn.relative_position_bias_table"
      let table = try shape(name, of: tensors, file: file, expected: "[(2·window − 1)², heads]") {
        $0.count == 2 && $0[1] > 0 && channels.isMultiple(of: $0[1]) && side(ofTable: $0[0]) != nil
      }
      heads.append(table[1])
      windows.append(side(ofTable: table[0]) ?? 1)
    }
    let patch = projection[2]
    return Architecture(
      embedDimension: projection[0], depths: depths, heads: heads, window: windows.max() ?? 1, patchSize: patch,
      trainedSide: self.trainedSide(windows: windows, patch: patch, said: trainedSide))
  }

  private static func shape(
    _ name: String, of tensors: [String: StoredTensor], file: ModelFile, expected: String,
    where fits: ([Int]) -> Bool
  ) throws(ModelError) -> [Int] {
    guard let tensor = tensors[name] else { throw .missing(file: file.path, tensor: name) }
    guard fits(tensor.shape) else {
      throw .misshapen(file: file.path, tensor: name, found: tensor.description, expected: "of shape \(expected)")
    }
    return tensor.shape
  }

  /// The window of a position table of (2w − 1)² rows.
  private static func side(ofTable rows: Int) -> Int? {
    guard (1...(127 * 127)).contains(rows) else { return nil }
    let root = Int(Double(rows).squareRoot().rounded())
    return root * root == rows && !root.isMultiple(of: 2) ? (root + 1) / 2 : nil
  }

  /// The side the model was trained at, which the windows tell in part: a window smaller than the largest one is its
  /// stage's whole map. Where the windows leave a choice, it is what the header says, else 224, else such that the last
  /// stage's map is one window, as in Swin for 384 pixels with window 12.
  private static func trainedSide(windows: [Int], patch: Int, said: Int?) -> Int {
    let largest = windows.max() ?? 1
    for side in [said, 224].compactMap({ $0 }) where (patch...8192).contains(side) {
      if windows.indices.allSatisfy({ windows[$0] == min(largest, (side / patch) >> $0) }) { return side }
    }
    let last = windows.count - 1
    return (windows[last] * patch) << last
  }
}
