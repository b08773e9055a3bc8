/// One OpenCL C file of this folder, embedded in the binary.
package struct KernelFile: Sendable, Hashable {
  /// The file's name, for messages.
  package let name: String
  package let text: String

  private init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    text = String(decoding: bytes, as: UTF8.self)
  }

  // The portable variants: any OpenCL 1.2 device.
  package static let layerNorm = KernelFile("layernorm.cl", PackageResources.layernorm_cl)

  /// Every file, portable variants first.
  package static let all: [KernelFile] = [layerNorm]
}
