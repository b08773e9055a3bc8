/// The daemon's version, as `status` and `esvitd --version` state it.
package enum DaemonVersion {
  package static let current = "0.1.0"
}
