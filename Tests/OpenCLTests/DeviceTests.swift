import Foundation
import Testing

@testable import OpenCL

@Suite("Devices are found and named")
struct DeviceTests {
  @Test("a selector is a kind, an index or a part of a name")
  func selectors() {
    let devices: [(kind: Device.Kind, name: String)] = [
      (.cpu, "pthread-EPYC (Portable Computing Language)"), (.other, "FPGA 7600"), (.gpu, "NVIDIA H200 (NVIDIA CUDA)"),
    ]
    let places = ["auto", "GPU", "cpu", "1", "h200", "7600", "portable"].map { Device.index(of: $0, among: devices) }
    #expect(places == [2, 2, 0, 1, 2, 1, 0])
    #expect(["3", "-1", "radeon", ""].allSatisfy { Device.index(of: $0, among: devices) == nil })
    #expect(Device.index(of: "auto", among: Array(devices[..<2])) == 0)
    #expect(Device.index(of: "gpu", among: Array(devices[..<2])) == nil)
    #expect(Device.index(of: "auto", among: [devices[1]]) == 0)
  }

  @Test("a selector that fits nothing is answered with what there is")
  func noMatch() throws {
    let devices = try Device.all()
    let error = #expect(throws: OpenCLError.self) { try Device.select("no such device") }
    let text = try #require(error?.description)
    #expect(text.contains("\"no such device\""))
    for device in devices { #expect(text.contains("\(device.index): \(device.name)")) }
  }

  @Test("devices older than OpenCL 1.2 are left out")
  func versions() {
    #expect(["OpenCL 1.2", "OpenCL 3.0 PoCL", "OpenCL 10.0 x"].allSatisfy(Device.isSufficient))
    #expect(!["OpenCL 1.1 Mesa", "OpenCL 1", "OpenCL", "", "1.2"].contains(where: Device.isSufficient))
  }

  @Test("what a device reports is plausible")
  func plausible() throws {
    for device in try Device.all() {
      #expect(!device.name.isEmpty && !device.driverVersion.isEmpty)
      #expect(device.computeUnits > 0 && device.maximumWorkGroupSize > 0)
      #expect(device.localMemory >= 32 << 10)
      #expect(device.maximumAllocation > 0 && device.maximumAllocation <= device.globalMemory)
    }
  }

  @Test("SIGFPE is not the driver's after it was started, has built and has run")
  @DeviceActor
  func signals() throws {
    let context = try Context(device: Device.select("auto"), cacheDirectory: nil)
    let source = ProgramSource(name: "set.cl", text: "__kernel void set(__global int *a) { a[get_global_id(0)] = 7; }")
    let kernel = try context.kernel("set", source)
    let buffer = try context.makeBuffer(Int32.self, count: 4)
    try kernel.setArguments(buffer)
    try context.queue.enqueue(kernel, global: [4])
    #expect(try context.queue.read(buffer) == [7, 7, 7, 7])
    var action = sigaction()
    #expect(sigaction(SIGFPE, nil, &action) == 0)
    // No handler at all, or one of the Swift runtime's: not one in a driver's code.
    let handler = action.__sigaction_handler.sa_sigaction.map { UInt(bitPattern: unsafeBitCast($0, to: Int.self)) } ?? 0
    // Foundation reads a file of /proc to its end only by a handle.
    let maps = try #require(try FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd())
    for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") where line.contains("pocl") {
      let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
      try #require(range.count == 2)
      #expect(!(range[0]..<range[1]).contains(handler), "\(line)")
    }
  }
}
