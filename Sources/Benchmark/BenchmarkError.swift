/// What keeps a benchmark from a figure.
package enum BenchmarkError: Error, Sendable, CustomStringConvertible {
  case noSample
  case notStored(String)

  package var description: String {
    switch self {
    case .noSample: "Nothing was measured: the sampling allows no sample"
    case .notStored(let why): "A vector of the benchmark was not stored: \(why)"
    }
  }
}
