/// Turns the tensors of a checkpoint's pickle into places of the file.
struct TorchStorages {
  let file: ModelFile
  let pickle: Pickle
  /// The bytes of each storage in the file.
  let places: [String: Range<Int>]

  /// Nil for a value that is no tensor.
  func tensor(_ value: PickleValue, name: String) throws(ModelError) -> StoredTensor? {
    guard let object = pickle.object(value) else { return nil }
    switch object.constructor {
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      // (tensor, requires_grad, hooks); a parameter holds a tensor and never another parameter.
      guard let data = object.arguments.first,
        let inner = pickle.object(data)?.constructor, inner.hasPrefix("torch._utils._rebuild_tensor")
      else { throw malformed(name, "a parameter without a tensor") }
      return try tensor(data, name: name)
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
      // (storage, offset, size, stride), then, but for the oldest form, requires_grad and hooks.
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

  /// The element type and the bytes of a storage.
  private func storage(_ value: PickleValue, name: String) throws(ModelError) -> (type: String, range: Range<Int>) {
    guard let reference = TorchStorageReference(value, in: pickle) else { throw malformed(name, "it has no storage") }
    guard let type = reference.type, let size = StoredTensor.sizes[type] else {
      throw malformed(name, "its storage is a \(reference.storageClass)")
    }
    let key = reference.key
    guard let range = places[key] else { throw malformed(name, "its storage '\(key)' is not in the file") }
    guard reference.elements >= 0, [reference.elements, size].product == range.count else {
      throw malformed(name, "its storage '\(key)' has \(range.count) bytes and not \(reference.elements) × \(size)")
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

/// `("storage", torch.FloatStorage, "0", "cpu", 27648)`, and in files from before PyTorch 1.6 a view, which is None.
struct TorchStorageReference {
  let storageClass: String
  let key: String
  let elements: Int

  /// Nil for anything else.
  init?(_ value: PickleValue, in pickle: Pickle) {
    guard let node = pickle.node(value), node.kind == .persistent, let id = pickle.sequence(node.arguments),
      id.count >= 5, id[0] == .string("storage"), let storageClass = pickle.global(id[1]),
      case .string(let key) = id[2], case .integer(let elements) = id[4], id.count == 5 || id[5] == .none
    else { return nil }
    (self.storageClass, self.key, self.elements) = (storageClass, key, elements)
  }

  /// The element type as safetensors names it.
  var type: String? {
    storageClass.hasPrefix("torch.") ? PickleGlobals.storageTypes[String(storageClass.dropFirst("torch.".count))] : nil
  }
}
