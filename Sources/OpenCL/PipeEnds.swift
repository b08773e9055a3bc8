import COpenCL
import Foundation

/// Both ends of a pipe, not passed to other children, and to be closed.
final class PipeEnds {
  private(set) var reading: Int32
  private(set) var writing: Int32

  init() throws(OpenCLError) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw OpenCLError(operation: "Opening a pipe", detail: systemError()) }
    reading = ends[0]
    writing = ends[1]
  }

  func closeReading() {
    if reading >= 0 { Glibc.close(reading) }
    reading = -1
  }

  func closeWriting() {
    if writing >= 0 { Glibc.close(writing) }
    writing = -1
  }

  func close() {
    closeReading()
    closeWriting()
  }
}
