/// Why a model could not be loaded or written: what happened, where, and what to do about it.
package enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No model was named and none is installed. `searched`: the places looked at.
  case noModel(searched: [String])
  /// `random:…` names no known variant.
  case unknownVariant(String)
  /// The file cannot be opened, read or written; `reason` is the system's word.
  case unreadable(file: String, reason: String)
  case unwritable(file: String, reason: String)
  /// The file is neither a zip-form `.pth` nor safetensors.
  case unknownFormat(file: String, reason: String)
  /// The file breaks its format's rules; `place` says where in it.
  case malformed(file: String, place: String, reason: String)
  /// The checkpoint's pickle refers to code that no checkpoint of weights needs. It was not run.
  case forbidden(file: String, global: String)
  /// The file holds no such set of weights (`teacher`, `student`).
  case noWeights(file: String, reason: String)
  /// A tensor that the architecture needs is not there.
  case missing(file: String, tensor: String)
  /// A tensor is there, but not as the architecture needs it.
  case misshapen(file: String, tensor: String, found: String, expected: String)
  /// The header says something else than the tensors, or something that cannot be followed.
  case header(file: String, key: String, reason: String)

  /// One line, whatever control characters a hostile file's names hold.
  package var description: String {
    var line = String.UnicodeScalarView()
    for scalar in "\(what). \(remedy)".unicodeScalars {
      line.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
    }
    return String(line)
  }

  /// What happened and where.
  package var what: String {
    switch self {
    case .noModel(let searched): "no model found; looked at \(searched.joined(separator: ", "))"
    case .unknownVariant(let name): "'\(name)' is not a known model"
    case .unreadable(let file, let reason): "cannot read the model \(file): \(reason)"
    case .unwritable(let file, let reason): "cannot write the model \(file): \(reason)"
    case .unknownFormat(let file, let reason): "\(file) is not a model file: \(reason)"
    case .malformed(let file, let place, let reason): "\(file) is damaged at \(place): \(reason)"
    case .forbidden(let file, let global):
      "\(file) refers to '\(global)', which no checkpoint of weights needs; nothing of it was run"
    case .noWeights(let file, let reason): "\(file) holds no usable weights: \(reason)"
    case .missing(let file, let tensor): "\(file) lacks the tensor '\(tensor)'"
    case .misshapen(let file, let tensor, let found, let expected):
      "the tensor '\(tensor)' of \(file) is \(found), but must be \(expected)"
    case .header(let file, let key, let reason): "the header of \(file) has an unusable '\(key)': \(reason)"
    }
  }

  /// What to do.
  package var remedy: String {
    switch self {
    case .noModel: "Name one by --model FILE, or try --model random:swin-t-w7"
    case .unknownVariant: "Known are random:swin-{t,s,b}-w{7,14}, or the path of a .safetensors or .pth file"
    case .unreadable: "Check the path and its permissions"
    case .unwritable: "Check that the folder exists, is writable and has room"
    case .unknownFormat: "Give a .safetensors file or a .pth file that PyTorch 1.6 or later wrote"
    case .malformed: "Fetch or write the file again"
    case .forbidden:
      "Open it with no other tool unless you trust its author, who can save the weights alone: "
        + "torch.save(model.state_dict(), FILE)"
    case .noWeights: "Give a checkpoint of an EsViT Swin backbone, or choose its weights by esvitd convert --weights"
    case .missing, .misshapen: "Give a checkpoint of an EsViT Swin backbone"
    case .header: "Write the header again with esvitd convert"
    }
  }
}
