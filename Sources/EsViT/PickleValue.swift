/// What a pickle holds, as inert values: no class of the file is looked up and nothing of it is called.
///
/// Containers and objects lie in `Pickle.nodes` and are named by their place there. So values share and may even form
/// cycles as in Python, and neither building nor freeing them recurses, however the file nests them.
enum PickleValue: Sendable, Equatable {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
  /// Bytes, and integers beyond 64 bits.
  case bytes([UInt8])
  /// An index of `Pickle.nodes`.
  case node(Int)
}

/// A container or an object.
struct PickleNode: Sendable {
  enum Kind: Sendable, Equatable {
    case list
    case tuple
    case set
    /// `items` are key, value, key, value, …
    case dictionary
    /// A name of the allow-list: `torch.FloatStorage`.
    case global(String)
    /// What a call of a global would have made: `arguments` is its tuple, `items` what was put into it.
    case object(of: String)
    /// A reference to data outside the pickle: `arguments` says to which.
    case persistent
  }

  let kind: Kind
  var items: [PickleValue] = []
  var arguments: PickleValue = .none
  /// What `__setstate__` would have been given.
  var state: PickleValue = .none
}

/// A read pickle.
struct Pickle: Sendable {
  var nodes: [PickleNode] = []
  var root: PickleValue = .none

  func node(_ value: PickleValue) -> PickleNode? {
    guard case .node(let index) = value, nodes.indices.contains(index) else { return nil }
    return nodes[index]
  }

  /// The elements of a tuple or a list.
  func sequence(_ value: PickleValue) -> [PickleValue]? {
    guard let node = node(value) else { return nil }
    return node.kind == .tuple || node.kind == .list ? node.items : nil
  }

  /// The entries of a dictionary, ordered or plain, whose keys are strings; others are left out. Nil for other values.
  func dictionary(_ value: PickleValue) -> [(key: String, value: PickleValue)]? {
    guard let node = node(value) else { return nil }
    switch node.kind {
    case .dictionary, .object(of: "collections.OrderedDict"), .object(of: "collections.defaultdict"): break
    default: return nil
    }
    return stride(from: 0, to: node.items.count - 1, by: 2).compactMap { i in
      guard case .string(let key) = node.items[i] else { return nil }
      return (key, node.items[i + 1])
    }
  }

  /// The name of a global.
  func global(_ value: PickleValue) -> String? {
    guard case .global(let name) = node(value)?.kind else { return nil }
    return name
  }

  /// The name of an object's constructor and its arguments.
  func object(_ value: PickleValue) -> (constructor: String, arguments: [PickleValue])? {
    guard let node = node(value), case .object(let name) = node.kind else { return nil }
    return (name, sequence(node.arguments) ?? [])
  }
}
