import Foundation
import Testing

@testable import esvit

@Suite("esvit encode")
struct EncodeTests {
  private func base64(_ values: [Float]) -> String {
    values.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0).base64EncodedString() }
  }

  /// Answers image i of a request with [i, 0.5]; fails those whose file is empty.
  private func daemon() throws -> FakeDaemon {
    try FakeDaemon { received in
      let images = received.params["images"] as? [[String: Any]] ?? []
      let places = images.enumerated().map { index, image in
        image["data"] as? String == ""
          ? #"{"error":{"code":-32001,"message":"not an image","data":{"name":"image_unreadable"}}}"#
          : "\"\(base64([Float(index), 0.5]))\""
      }
      return [.result(#"{"embeddings":[\#(places.joined(separator: ","))],"dimension":2,"model":"f00d"}"#)]
    }
  }

  /// Reads a .npy file by the text of NumPy's specification (numpy.lib.format, version 1.0).
  private func readNPY(_ bytes: [UInt8]) throws -> (header: String, values: [Float]) {
    try #require(Array(bytes[0..<8]) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
    let length = Int(bytes[8]) | Int(bytes[9]) << 8
    #expect((10 + length) % 64 == 0, "the data begins at a multiple of 64")
    let header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
    #expect(header.hasSuffix("\n"))
    let data = bytes[(10 + length)...]
    let values = stride(from: data.startIndex, to: data.endIndex, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[start + $1]) << (8 * UInt32($1)) })
    }
    return (header.trimmingCharacters(in: .whitespacesAndNewlines), values)
  }

  @Test(".npy is NumPy's format; the row of an image that failed is NaN, and the status is 1")
  func npy() throws {
    let folder = try TemporaryFolder()
    try folder.write("t/a.jpg", [1])
    try folder.write("t/b.jpg", [])
    try folder.write("t/c.jpg", [2])
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try Client(["encode", "t", "-o", "x.npy", "--socket", daemon.path], in: folder.url)
    #expect(client.status == 1)
    #expect(client.output == "2 embeddings of 2 numbers in x.npy\n")
    #expect(client.error == "esvit: t/b.jpg: not an image\nesvit: 1 of 3 images failed\n")
    let (header, values) = try readNPY(Array(Data(contentsOf: folder.url.appending(path: "x.npy"))))
    #expect(header == "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }")
    #expect(values.count == 6)
    #expect(values[0...1] == [0, 0.5] && values[4...5] == [2, 0.5])
    #expect(values[2].isNaN && values[3].isNaN)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["t", "x.npy"])
  }

  @Test(".jsonl and --json name each image's path")
  func jsonl() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.jpg", [1])
    try folder.write("b.jpg", [])
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try Client(["encode", "*.jpg", "--raw", "-o", "x.jsonl", "--socket", daemon.path], in: folder.url)
    #expect(client.status == 1)
    #expect(daemon.received.contains { $0.contains("\"normalize\":false") })
    let text = try String(contentsOf: folder.url.appending(path: "x.jsonl"), encoding: .utf8)
    #expect(
      text
        == #"{"path":"a.jpg","embedding":[0.0,0.5]}"# + "\n"
        + #"{"path":"b.jpg","error":{"code":-32001,"message":"not an image","data":{"name":"image_unreadable"}}}"#
        + "\n")
    let json = try Client(["encode", "a.jpg", "--json", "--socket", daemon.path], in: folder.url)
    #expect(json.status == 0)
    #expect(
      json.output == #"{"embeddings":[{"path":"a.jpg","embedding":[0.0,0.5]}],"dimension":2,"model":"f00d"}"# + "\n")
  }

  @Test("--json beside a file says what was written, whatever failed")
  func outputAndJSON() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.jpg", [1])
    try folder.write("b.jpg", [])
    let daemon = try daemon()
    defer { daemon.stop() }
    let whole = try Client(["encode", "a.jpg", "-o", "x.npy", "--json", "--socket", daemon.path], in: folder.url)
    #expect(whole.status == 0)
    #expect(
      whole.output
        == #"{"output":"x.npy","embeddings":1,"failed":0,"failures":[],"dimension":2,"model":"f00d"}"# + "\n")
    let partly = try Client(["encode", "*.jpg", "-o", "x.jsonl", "--json", "--socket", daemon.path], in: folder.url)
    #expect(partly.status == 1)
    let report = try #require(try JSONSerialization.jsonObject(with: Data(partly.output.utf8)) as? [String: Any])
    #expect(report["embeddings"] as? Int == 1 && report["failed"] as? Int == 1)
    #expect((report["failures"] as? [[String: String]])?.first == ["name": "b.jpg", "message": "not an image"])
  }

  @Test("two requests together have no more images than the daemon's queue holds")
  func queue() throws {
    let folder = try TemporaryFolder()
    for index in 0..<7 { try folder.write("\(index).jpg", [1]) }
    for (capacity, requests) in [(4, [2, 2, 2, 1]), (1, [1, 1, 1, 1, 1, 1, 1]), (1000, [7])] {
      let daemon = try FakeDaemon { received in
        if received.method == "status" { return [.result(#"{"limits":{},"queue":{"capacity":\#(capacity)}}"#)] }
        let images = received.params["images"] as? [Any] ?? []
        let places = images.map { _ in "\"\(base64([1, 0.5]))\"" }.joined(separator: ",")
        return [.result(#"{"embeddings":[\#(places)],"dimension":2,"model":"f00d"}"#)]
      }
      defer { daemon.stop() }
      #expect(try Client(["encode", "*.jpg", "-o", "x.npy", "--socket", daemon.path], in: folder.url).status == 0)
      let sent = daemon.received.compactMap { line -> Int? in
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return ((object?["params"] as? [String: Any])?["images"] as? [Any])?.count
      }
      #expect(sent == requests)
    }
  }

  @Test("the header's length is a multiple of 64 whatever the shape")
  func header() throws {
    for rows in [0, 1, 9, 10, 99_999] {
      let file = NPY.file(rows: [[Float]](repeating: [], count: rows), columns: 0)
      let (header, values) = try readNPY(file)
      #expect(header.contains("'shape': (\(rows), 0)") && values.isEmpty)
    }
  }
}
