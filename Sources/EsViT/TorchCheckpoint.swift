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
    let storages = Storages(file: file, pickle: pickle, archive: archive, folder: folder + "data/")

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

/// Turns the pickle's tensors into places of the file.
private struct Storages {
  let file: ModelFile
  let pickle: Pickle
  let archive: ZipArchive
  let folder: String

  /// Nil for a value that is no tensor.
  func tensor(_ value: PickleValue, name: String) throws(ModelError) -> StoredTensor? {
    guard let object = pickle.object(value) else { return nil }
    switch object.constructor {
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      // (tensor, requires_grad, hooks); a parameter holds a tensor and never another parameter.
      guard let data = object.arguments.first,
        pickle.object(data)?.constructor == "torch._utils._rebuild_tensor_v2"
      else { throw malformed(name, "a parameter without a tensor") }
      return try tensor(data, name: name)
    case "torch._utils._rebuild_tensor_v2":
      // (storage, offset, size, stride, requires_grad, hooks)
      guard object.arguments.count >= 4 else { throw malformed(name, "it has no shape") }
      return try tensor(object.arguments, name: name)
    default: return nil
    }
  }

  private func tensor(_ arguments: [PickleValue], name: String) throws(ModelError) -> StoredTensor {
    let (type, storage) = try storage(arguments[0], name: name)
    guard let size = StoredTensor.sizes[type], case .integer(let offset) = arguments[1],
      let shape = sizes(arguments[2]), let strides = sizes(arguments[3]), strides.count == shape.count, offset >= 0
    else { throw malformed(name, "its offset, shape or strides are no sizes") }
    let elements = storage.count / size
    guard let count = shape.product, count <= elements else {
      throw malformed(name, "\(shape) does not fit the \(elements) elements of its storage")
    }
    // The last element's place tells how far the tensor reaches.
    var reach = offset
    for (length, stride) in zip(shape, strides) where count > 0 {
      let (step, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflow2) = reach.addingReportingOverflow(step)
      guard !overflow, !overflow2 else { throw malformed(name, "its strides are out of range") }
      reach = sum
    }
    guard count == 0 || reach < elements else {
      throw malformed(name, "it reaches to element \(reach) of a storage of \(elements)")
    }
    let start = storage.lowerBound + (count == 0 ? 0 : offset * size)
    let end = count == 0 ? start : storage.lowerBound + (reach + 1) * size
    return StoredTensor(
      shape: shape, strides: isRowMajor(shape, strides) ? nil : strides, type: type, range: start..<end)
  }

  /// The element type and the bytes of `("storage", torch.FloatStorage, "0", "cpu", 27648)`.
  private func storage(_ value: PickleValue, name: String) throws(ModelError) -> (type: String, range: Range<Int>) {
    guard let node = pickle.node(value), node.kind == .persistent, let id = pickle.sequence(node.arguments),
      id.count >= 5, id[0] == .string("storage"), let storageClass = pickle.global(id[1]),
      case .string(let key) = id[2], case .integer(let elements) = id[4]
    else { throw malformed(name, "it has no storage") }
    guard storageClass.hasPrefix("torch."),
      let type = PickleGlobals.storageTypes[String(storageClass.dropFirst("torch.".count))],
      let size = StoredTensor.sizes[type]
    else { throw malformed(name, "its storage is a \(storageClass)") }
    guard let range = archive.entries[folder + key] else {
      throw malformed(name, "its storage '\(key)' is not in the file")
    }
    guard elements >= 0, [elements, size].product == range.count else {
      throw malformed(name, "its storage '\(key)' has \(range.count) bytes and not \(elements) × \(size)")
    }
    return (type, range)
  }

  private func sizes(_ value: PickleValue) -> [Int]? {
    var sequence = pickle.sequence(value)
    if let object = pickle.object(value), object.constructor == "torch.Size", let inner = object.arguments.first {
      sequence = pickle.sequence(inner)
    }
    guard let sequence, sequence.count <= 8 else { return nil }
    var sizes: [Int] = []
    for case .integer(let size) in sequence where size >= 0 { sizes.append(size) }
    return sizes.count == sequence.count ? sizes : nil
  }

  /// Axes of length 1 may have any stride.
  private func isRowMajor(_ shape: [Int], _ strides: [Int]) -> Bool {
    var expected = 1
    for (length, stride) in zip(shape, strides).reversed() where length != 1 {
      if stride != expected { return false }
      expected *= length
    }
    return true
  }

  private func malformed(_ name: String, _ reason: String) -> ModelError {
    file.malformed("the tensor '\(name)'", reason)
  }
}
