import Crypto
import Foundation

/// Compiled programs on disk, one file each, named after everything that the binary depends on.
///
/// A damaged or foreign entry is compiled anew. Entries appear by `rename`: two processes may share a directory.
@DeviceActor
struct ProgramCache {
  /// Nil where programs are not kept.
  let directory: URL?

  private static let magic = Array("esvitd program 1\n".utf8)

  /// The program built from `source`, from its entry where there is one, else compiled and kept.
  func program(_ source: ProgramSource, in context: Context) throws(OpenCLError) -> Program {
    guard let directory else { return try Program(compiling: source, in: context) }
    let entry = directory.appending(path: Self.key(source, context.device) + ".bin")
    if let binary = Self.read(entry), let program = try? Program(binary: binary, of: source, in: context) {
      return program
    }
    let program = try Program(compiling: source, in: context)
    if let binary = try? program.binary(), !binary.isEmpty { Self.write(binary, to: entry) }
    return program
  }

  private static func key(_ source: ProgramSource, _ device: Device) -> String {
    var hash = SHA256()
    for part in [source.text, source.options, device.name, device.platformName, device.version, device.driverVersion] {
      hash.update(data: Data(part.utf8))
      hash.update(data: [0])
    }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  /// The entry's binary, or nil where it is absent, cut short or changed.
  private static func read(_ entry: URL) -> [UInt8]? {
    guard let data = try? Data(contentsOf: entry), data.starts(with: magic) else { return nil }
    let digest = data.dropFirst(magic.count).prefix(SHA256.byteCount)
    let binary = data.dropFirst(magic.count + SHA256.byteCount)
    guard Data(SHA256.hash(data: binary)) == digest else { return nil }
    return Array(binary)
  }

  /// Keeping an entry is an optimisation: where it fails, the program is compiled again next time.
  private static func write(_ binary: [UInt8], to entry: URL) {
    let data = Data(magic) + Data(SHA256.hash(data: binary)) + Data(binary)
    try? data.write(to: entry, options: .atomic)
  }
}
