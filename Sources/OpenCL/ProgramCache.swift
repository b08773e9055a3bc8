import Crypto
import Foundation

/// Compiled programs on disk, one file each, named after everything that the binary depends on.
///
/// A damaged or foreign entry is compiled anew. Entries appear by `rename`, so processes may share a directory.
@DeviceActor
struct ProgramCache {
  /// Nil where programs are not kept.
  let directory: URL?

  private static let magic = Data("esvitd program 2\n".utf8)

  /// The program built from `source`, from its entry where there is a sound one, else compiled and kept.
  func program(_ source: ProgramSource, in context: Context) throws(OpenCLError) -> Program {
    guard let directory else { return try Program(compiling: source, in: context) }
    let key = Self.key(source, context.device)
    let entry = directory.appending(path: key, directoryHint: .notDirectory)
    if let binary = Self.read(entry, key: key), let program = try? Program(binary: binary, of: source, in: context) {
      // Its use is what housekeeping goes by.
      try? FileManager.default.setAttributes(
        [.modificationDate: Date()], ofItemAtPath: entry.path(percentEncoded: false))
      return program
    }
    let program = try Program(compiling: source, in: context)
    if let binary = try? program.binary(), !binary.isEmpty { Self.write(binary, to: entry, key: key) }
    return program
  }

  /// SHA-256 of source, options, device, driver and, where the binary is code of the host, its processor.
  static func key(_ source: ProgramSource, _ device: Device) -> String {
    var hash = SHA256()
    let processor = device.kind == .gpu ? "" : Processor.current.identity
    for part in [
      source.text, source.options, device.platformName, device.name, device.version, device.driverVersion, processor,
    ] {
      hash.update(data: Data(part.utf8))
      hash.update(data: [0])
    }
    return hexadecimal(hash.finalize())
  }

  /// The entry's binary, or nil where it is absent, cut short, changed or another's.
  private static func read(_ entry: URL, key: String) -> [UInt8]? {
    guard let data = try? Data(contentsOf: entry), data.starts(with: magic) else { return nil }
    let digest = data.dropFirst(magic.count).prefix(SHA256.byteCount)
    let binary = data.dropFirst(magic.count + SHA256.byteCount)
    return Self.digest(binary, key: key) == digest ? Array(binary) : nil
  }

  /// Keeping an entry is an optimisation: where it fails, the program is compiled again next time.
  static func write(_ binary: [UInt8], to entry: URL, key: String) {
    try? (magic + digest(Data(binary), key: key) + binary).write(to: entry, options: .atomic)
  }

  private static func digest(_ binary: Data, key: String) -> Data {
    var hash = SHA256()
    hash.update(data: Data(key.utf8))
    hash.update(data: binary)
    return Data(hash.finalize())
  }
}
