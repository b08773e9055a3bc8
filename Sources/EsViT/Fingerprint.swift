import Crypto

/// Names a model by what it computes: vectors of two models with the same fingerprint can be compared.
///
/// SHA-256 over, for each tensor of the backbone in the order of its canonical name's UTF-8 bytes, the line
/// `name dtype d0,d1,…\n` and the little-endian bytes; then the preprocessing's canonical JSON. Where the tensors came
/// from (a `.pth`, its converted file) does not enter.
enum Fingerprint {
  /// 64 lower-case hexadecimal digits.
  static func of(tensors: [String: Tensor], preprocessing: Preprocessing) -> String {
    var hash = SHA256()
    for (name, tensor) in tensors.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      hash.update(data: Array("\(name) \(tensor.dtype.rawValue) \(shape)\n".utf8))
      tensor.bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }
    hash.update(data: Array(preprocessing.json.utf8))
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
