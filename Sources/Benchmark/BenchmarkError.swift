/// What keeps a benchmark from a figure.
package enum BenchmarkError: Error, Sendable, CustomStringConvertible {
  case noSample

  package var description: String {
    switch self {
    case .noSample: "Nothing was measured: the sampling allows no sample"
    }
  }
}
