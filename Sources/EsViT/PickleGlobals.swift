/// The names that a checkpoint's pickle may refer to.
///
/// A checkpoint holds, beside the weights, an optimizer's state, the command line (`argparse.Namespace`), NumPy
/// scalars and the state of a loss. Their constructors are known here by name alone: each becomes an inert
/// `PickleNode`. Any other name, `posix.system` first of all, ends the reading with an error.
enum PickleGlobals {
  static let allowed: Set<String> = {
    var names: Set<String> = [
      "_codecs.encode",  // how protocol 2 spells bytes
      "argparse.Namespace",
      "collections.Counter",
      "collections.OrderedDict",
      "collections.defaultdict",
      "numpy.dtype",
      "numpy.ndarray",
      "torch.Size",
      "torch.Tensor",
      "torch._tensor._rebuild_from_type_v2",
      "torch._utils._rebuild_parameter",
      "torch._utils._rebuild_parameter_with_state",
      "torch._utils._rebuild_tensor",
      "torch._utils._rebuild_tensor_v2",
      "torch._utils._rebuild_tensor_v3",
      "torch.device",
      "torch.nn.parameter.Buffer",
      "torch.nn.parameter.Parameter",
      "torch.serialization._get_layout",
      "torch.storage.TypedStorage",
      "torch.storage.UntypedStorage",
      "torch.storage._LegacyStorage",
    ]
    for type in [
      "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple",
    ] {
      names.insert("builtins.\(type)")
      names.insert("__builtin__.\(type)")  // its name in protocol 2
    }
    for type in ["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"] {
      names.insert("pathlib.\(type)")
      names.insert("pathlib._local.\(type)")
    }
    for module in ["numpy.core", "numpy._core"] {
      names.formUnion([
        "\(module).multiarray._reconstruct", "\(module).multiarray.scalar", "\(module).numeric._frombuffer",
      ])
    }
    for storage in storageTypes.keys { names.insert("torch.\(storage)") }
    for type in [
      "bfloat16", "bool", "complex128", "complex64", "double", "float", "float16", "float32", "float64", "half", "int",
      "int16", "int32", "int64", "int8", "long", "short", "uint8",
    ] { names.insert("torch.\(type)") }
    return names
  }()

  /// Storage classes and the element type they hold, as safetensors names it.
  static let storageTypes: [String: String] = [
    "BFloat16Storage": "BF16", "BoolStorage": "BOOL", "ByteStorage": "U8", "CharStorage": "I8",
    "ComplexDoubleStorage": "C128", "ComplexFloatStorage": "C64", "DoubleStorage": "F64", "FloatStorage": "F32",
    "HalfStorage": "F16", "IntStorage": "I32", "LongStorage": "I64", "ShortStorage": "I16",
  ]
}
