extension Model {
  /// Writes the model as safetensors whose header holds the architecture, the preprocessing, the loss where it was
  /// measured, and `header`'s words (source, date, licence). The file appears whole or not at all; the same model gives the same bytes, and the file
  /// has the model's fingerprint.
  ///
  /// - Throws: `ModelError.unwritable`, or `.header` for a preprocessing that no encoder could follow.
  package func write(to path: String) throws(ModelError) {
    if let problem = preprocessing.problem { throw .header(file: path, key: "preprocessing", reason: problem) }
    var words = header
    words["architecture"] = architecture.json
    words["preprocessing"] = preprocessing.json
    words["loss"] = loss?.json
    try SafetensorsWriter.write(tensors, metadata: words, to: path)
  }
}

extension Architecture {
  /// JSON with sorted keys and no spaces, as a file's header holds it.
  package var json: String {
    func list(_ values: [Int]) -> String { "[" + values.map(String.init).joined(separator: ",") + "]" }
    return #"{"depths":\#(list(depths)),"embed_dimension":\#(embedDimension),"heads":\#(list(heads)),"#
      + #""patch_size":\#(patchSize),"trained_side":\#(trainedSide),"window":\#(window)}"#
  }
}
