import COpenCL
import Foundation

/// What is done once a process, before the first OpenCL call.
package enum Drivers {
  /// The cache directory, tried out, with the drivers' own caches told to use it.
  ///
  /// Called by everything that calls OpenCL. The first caller changes the environment, so it should be made early.
  ///
  /// - Throws: `OpenCLError` where there is no fit directory: calling a driver all the same could end the process.
  package static func prepare() throws(OpenCLError) -> CacheDirectory { try preparation.get() }

  private static let preparation = Result<CacheDirectory, OpenCLError> { () throws(OpenCLError) in
    do throws(CacheDirectoryError) {
      let environment = ProcessInfo.processInfo.environment
      let cache = try CacheDirectory(environment: environment)
      // Other drivers than PoCL keep what they compile as data.
      let runsCode = VendorFiles.current.mayNamePoCL
      try cache.prepare(runsCode: runsCode)
      if let chosen = environment["POCL_CACHE_DIR"] {
        try CacheDirectory(url: URL(filePath: chosen), origin: "POCL_CACHE_DIR").tryOut(runsCode: runsCode)
      } else {
        setenv("POCL_CACHE_DIR", cache.pocl.path(percentEncoded: false), 1)
      }
      setenv("CUDA_CACHE_PATH", cache.nvidia.path(percentEncoded: false), 0)
      return cache
    } catch {
      throw OpenCLError(operation: error.problem, detail: error.remedy)
    }
  }

  /// Runs `body` and puts back the handler of SIGFPE, which PoCL takes for the whole process when it starts.
  static func keepingSignalHandlers<T>(_ body: () throws(OpenCLError) -> T) throws(OpenCLError) -> T {
    var handler = sigaction()
    let known = sigaction(SIGFPE, nil, &handler) == 0
    defer { if known { sigaction(SIGFPE, &handler, nil) } }
    return try body()
  }
}
