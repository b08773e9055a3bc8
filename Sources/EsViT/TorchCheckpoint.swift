/// Which of the two networks of self-distillation (EsViT, section 3) to take from an original checkpoint. The paper's
/// k-NN figures are the teacher's.
package enum Weights: String, Sendable, CaseIterable {
  case teacher
  case student
}

/// Reads what `torch.save` wrote (its zip form, since PyTorch 1.6): `data.pkl`, a pickle that tells names, shapes and
/// strides, and one entry of raw bytes a storage. Only the weights' bytes are ever read; an optimizer's state beside
/// them costs nothing.
enum TorchCheckpoint {
  /// - Parameter weights: which network to take; nil takes the teacher, else the student, else a plain state dictionary.
  static func open(_ file: ModelFile, weights: Weights? = nil) throws(ModelError) -> Checkpoint {
    let archive = try ZipArchive(file)
    let pickles = archive.entries.filter { $0.key == "data.pkl" || $0.key.hasSuffix("/data.pkl") }
    guard pickles.count == 1, let (name, range) = pickles.first else {
      throw .unknownFormat(file: file.path, reason: "a zip file without the one data.pkl of torch.save")
    }
    guard range.count <= PickleReader.maximumBytes else { throw file.malformed(name, "it is too long") }
    let folder = String(name.dropLast("data.pkl".count))
    if let order = archive.entries[folder + "byteorder"], order.count <= 16 {
      guard try file.read(order, place: "byteorder") == Array("little".utf8) else {
        throw file.malformed(folder + "byteorder", "the weights are not little-endian")
      }
    }
    let pickle = try PickleReader.read(try file.read(range, place: name), of: file)
    let data = folder + "data/"
    var places: [String: Range<Int>] = [:]
    for (name, range) in archive.entries where name.hasPrefix(data) {
      places[String(name.dropFirst(data.count))] = range
    }
    return try checkpoint(pickle, TorchStorages(file: file, pickle: pickle, places: places), weights: weights)
  }

  /// The tensors of the network that is asked for.
  static func checkpoint(
    _ pickle: Pickle, _ storages: TorchStorages, weights: Weights?
  ) throws(ModelError) -> Checkpoint {
    let file = storages.file
    var tensors: [String: StoredTensor] = [:]
    for (name, value) in try stateDictionary(pickle, weights: weights, file: file) {
      guard let tensor = try storages.tensor(value, name: name) else { continue }
      guard tensors.updateValue(tensor, forKey: name) == nil else {
        throw file.malformed("the tensor '\(name)'", "it is there twice")
      }
    }
    guard !tensors.isEmpty else { throw .noWeights(file: file.path, reason: "there is no tensor in it") }
    return Checkpoint(file: file, tensors: tensors, metadata: [:])
  }

  /// Finds the dictionary of weights: under `teacher` or `student`, or, in other people's files, under `state_dict` or
  /// `model`, or the whole file.
  private static func stateDictionary(
    _ pickle: Pickle, weights: Weights?, file: ModelFile
  ) throws(ModelError) -> [(key: String, value: PickleValue)] {
    guard let root = pickle.dictionary(pickle.root) else {
      throw .noWeights(file: file.path, reason: "it holds no dictionary")
    }
    let keys = weights.map { [$0.rawValue] } ?? ["teacher", "student", "state_dict", "model"]
    for key in keys {
      if let (_, value) = root.last(where: { $0.key == key }), let dictionary = pickle.dictionary(value) {
        return dictionary
      }
    }
    if let weights { throw .noWeights(file: file.path, reason: "there is no '\(weights.rawValue)' in it") }
    return root
  }
}
