import COpenCL
import Foundation

/// A device, its command queue and its compiled programs: what every operator is made on.
@DeviceActor
package final class Context {
  package nonisolated let device: Device
  let handle: Handle
  private let cache: ProgramCache
  private let isProfiling: Bool
  /// Not private, so that a test can plant a faulty program in a sound one's place.
  var programs: [ProgramSource: Program] = [:]
  private var commandQueue: CommandQueue?

  /// - Parameters:
  ///   - cacheDirectory: where compiled programs are kept, or nil to compile anew each time.
  ///   - profiling: whether the queue can measure each command (`CommandQueue.profiled`).
  package init(device: Device, cacheDirectory: URL?, profiling: Bool = false) throws(OpenCLError) {
    self.device = device
    isProfiling = profiling
    cache = ProgramCache(directory: cacheDirectory)
    var status: cl_int = 0
    var id: cl_device_id? = device.id.pointer
    let context = clCreateContext(nil, 1, &id, nil, nil, &status)
    try check(status, "Opening \(device)")
    guard let context else { throw OpenCLError(operation: "clCreateContext returned nothing") }
    handle = Handle(context) { clReleaseContext($0) }
  }

  /// A new context on the same device, with the same kept programs, whose queue can measure each command.
  package func profiling() throws(OpenCLError) -> Context {
    try Context(device: device, cacheDirectory: cache.directory, profiling: true)
  }

  /// The one in-order queue that all operators share, so that they need not wait for each other.
  package var queue: CommandQueue {
    get throws(OpenCLError) {
      if let commandQueue { return commandQueue }
      let queue = try CommandQueue(context: self, profiling: isProfiling)
      commandQueue = queue
      return queue
    }
  }

  /// Allocates `count` elements, with undefined contents.
  package func makeBuffer<Element: BitwiseCopyable>(
    _: Element.Type = Element.self, count: Int, pages: BufferPages = .ordinary
  ) throws(OpenCLError) -> Buffer<Element> {
    let buffer = try Buffer<Element>(context: self, count: count)
    if pages == .large { try buffer.wishForLargePages(self) }
    return buffer
  }

  /// Allocates a buffer that holds `elements`.
  package func makeBuffer<Element: BitwiseCopyable>(_ elements: [Element]) throws(OpenCLError) -> Buffer<Element> {
    let buffer = try Buffer<Element>(context: self, count: elements.count)
    try queue.write(elements, to: buffer)
    return buffer
  }

  /// The program built from `source`, compiled at most once a context and kept on disk in between.
  ///
  /// - Throws: `OpenCLError` with the compiler's log and the source's name.
  package func program(_ source: ProgramSource) throws(OpenCLError) -> Program {
    if let program = programs[source] { return program }
    let program = try cache.program(source, in: self)
    programs[source] = program
    return program
  }

  /// A kernel of its own (arguments are not shared) of the program built from `source`.
  package func kernel(_ name: String, _ source: ProgramSource) throws(OpenCLError) -> Kernel {
    try Kernel(try program(source), name)
  }
}
