import Foundation

/// The files by which the loader knows the installed drivers: each names a library.
struct VendorFiles: Sendable {
  let paths: [String]

  /// What this process's environment makes the loader read: `OCL_ICD_VENDORS`, a folder or one file, or the usual place.
  static var current: VendorFiles {
    let place = ProcessInfo.processInfo.environment["OCL_ICD_VENDORS"] ?? "/etc/OpenCL/vendors"
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: place) else {
      return VendorFiles(paths: FileManager.default.fileExists(atPath: place) ? [place] : [])
    }
    return VendorFiles(paths: names.filter { $0.hasSuffix(".icd") }.sorted().map { "\(place)/\($0)" })
  }

  /// Whether PoCL may be among the drivers; it may also stand in for the loader, where there are no files.
  var mayNamePoCL: Bool {
    paths.isEmpty
      || paths.contains { path in
        [path, (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""].contains { $0.lowercased().contains("pocl") }
      }
  }

  /// Paths and contents, and what decides which drivers are loaded and how they work.
  var identity: [String] {
    let prefixes = ["OCL_", "POCL_", "OPENCL_", "CUDA_VISIBLE", "LD_LIBRARY_PATH"]
    let variables = ProcessInfo.processInfo.environment.filter { variable in
      variable.key != "POCL_CACHE_DIR" && prefixes.contains { variable.key.hasPrefix($0) }
    }
    let files = paths.map { "\($0)=\((try? String(contentsOfFile: $0, encoding: .utf8)) ?? "")" }
    return variables.map { "\($0.key)=\($0.value)" }.sorted() + files
  }
}
