import Foundation
import Synchronization
import Testing

@Suite("esvit add")
struct AddTests {
  private func items(_ received: Received) -> [[String: Any]] { received.params["items"] as? [[String: Any]] ?? [] }

  /// Stores everything; knows the collection `there`.
  private func accepting(_ received: Received) -> [Reply] {
    switch received.method {
    case "collections":
      return [.result(#"{"collections":[{"name":"there","dimension":3,"model":"f","count":0,"bytes":0}]}"#)]
    case "create": return [.result(#"{"name":"new","dimension":3,"model":"f","count":0,"bytes":0}"#)]
    case "add":
      let places = items(received).map { "{\"id\":\"\($0["id"] as? String ?? "")\",\"status\":\"stored\"}" }
      return [.result("{\"items\":[\(places.joined(separator: ","))]}")]
    default: return [.error(-32601, "method_not_found", received.method)]
    }
  }

  private func methods(_ daemon: FakeDaemon) throws -> [[String: Any]] {
    try daemon.received.map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test("a folder becomes items: id, label, patient, slide, source and the file's bytes in base64")
  func folder() throws {
    let folder = try TemporaryFolder()
    try folder.write("tiles/healthy/P7_S2_a.jpg", [0xFF, 0xD8, 1])
    try folder.write("tiles/tumour/P8_b.PNG", [0x89, 0x50])
    try folder.write("tiles/.hidden/x.jpg")
    try folder.write("tiles/notes.txt")
    let daemon = try FakeDaemon { accepting($0) }
    defer { daemon.stop() }
    let client = try Client(
      [
        "add", "there", "tiles", "--label-from-folder", "--patient-from", "/(P\\d+)_", "--slide-from", "_(S\\d)_",
        "--site",
        "colon", "--mpp", "0.5", "--metadata", "grade=2", "--metadata", "stain=HE", "--socket", daemon.path,
      ], in: folder.url)
    #expect(client.status == 0, "\(client.error)")
    #expect(client.output.hasPrefix("2 images stored in there; "))
    #expect(client.error == "esvit: --slide-from finds nothing in 1 path of 2, such as tiles/tumour/P8_b.PNG\n")
    let requests = try methods(daemon)
    #expect(requests.map { $0["method"] as? String } == ["collections", "status", "add"])
    let params = try #require(requests[2]["params"] as? [String: Any])
    #expect(params["on_conflict"] as? String == "skip")
    let sent = try #require(params["items"] as? [[String: Any]])
    #expect(sent.count == 2)
    #expect(sent[0]["id"] as? String == "healthy/P7_S2_a.jpg")
    #expect(sent[0]["label"] as? String == "healthy")
    #expect(sent[0]["patient"] as? String == "P7")
    #expect(sent[0]["slide"] as? String == "S2")
    #expect(sent[0]["site"] as? String == "colon")
    #expect(sent[0]["mpp"] as? Double == 0.5)
    #expect((sent[0]["metadata"] as? [String: Any])?["grade"] as? Int == 2)
    #expect((sent[0]["metadata"] as? [String: Any])?["stain"] as? String == "HE")
    #expect((sent[0]["source"] as? String)?.hasSuffix("/tiles/healthy/P7_S2_a.jpg") == true)
    #expect((sent[0]["source"] as? String)?.hasPrefix("/") == true)
    #expect((sent[0]["image"] as? [String: Any])?["data"] as? String == Data([0xFF, 0xD8, 1]).base64EncodedString())
    #expect(sent[1]["id"] as? String == "tumour/P8_b.PNG")
    #expect(sent[1]["slide"] == nil)
  }

  @Test("a missing collection is made; --no-create refuses it with 1 and stores nothing")
  func create() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("a.jpg")
    let daemon = try FakeDaemon { accepting($0) }
    defer { daemon.stop() }
    let refused = try Client(["add", "new", file, "--no-create", "--socket", daemon.path])
    #expect(refused.status == 1)
    #expect(refused.error.contains("no collection new"))
    #expect(try methods(daemon).map { $0["method"] as? String } == ["collections"])
    #expect(try Client(["add", "new", file, "--socket", daemon.path]).status == 0)
    #expect(
      try methods(daemon).map { $0["method"] as? String } == ["collections", "collections", "create", "status", "add"])
  }

  @Test("two requests are in flight, never three, and answers may come in another order")
  func inFlight() throws {
    let folder = try TemporaryFolder()
    for index in 0..<70 { try folder.write("t/\(100 + index).jpg") }
    let waiting = Mutex<[(String, Int)]>([])
    let daemon = try FakeDaemon { received in
      guard received.method == "add" else { return accepting(received) }
      let count = (received.params["items"] as? [Any])?.count ?? 0
      let place = "{\"id\":\"x\",\"status\":\"skipped\"}"
      // 70 images are three requests of 32, 32 and 6: the first two wait for each other, the last is answered at once.
      return waiting.withLock { held in
        held.append(("\(received.id)", count))
        if held.count == 1 { return [.silence] }
        let order = held.count == 2 ? [held[1], held[0]] : [held[2]]
        return order.map { id, count in
          let places = [String](repeating: place, count: count).joined(separator: ",")
          return .raw("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"items\":[\(places)]}}\n")
        }
      }
    }
    defer { daemon.stop() }
    let client = try Client(["add", "there", folder.path + "/t", "--socket", daemon.path, "--timeout", "20"])
    #expect(client.status == 0, "\(client.error)")
    #expect(client.output.hasPrefix("0 images stored in there, 70 there already; "))
    #expect(waiting.withLock { $0.map(\.1) } == [32, 32, 6])
    #expect(client.error.isEmpty, "no bar where standard error is no terminal")
  }

  @Test("a request that is turned away as overloaded is sent again")
  func overloaded() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("a.jpg")
    let refusals = Mutex(0)
    let daemon = try FakeDaemon { received in
      let refuse =
        received.method == "add"
        && refusals.withLock { count in
          count += 1
          return count <= 2
        }
      return refuse ? [.error(-32006, "overloaded", "try again")] : accepting(received)
    }
    defer { daemon.stop() }
    #expect(try Client(["add", "there", file, "--socket", daemon.path]).status == 0)
    let adds = daemon.received.filter { $0.contains("\"add\"") }
    #expect(adds.count == 3 && Set(adds).count == 1)
  }

  @Test("an image that fails is named, the others are stored, and the status is 1")
  func oneFails() throws {
    let folder = try TemporaryFolder()
    try folder.write("t/a.jpg")
    try folder.write("t/b.jpg")
    let daemon = try FakeDaemon { received in
      guard received.method == "add" else { return accepting(received) }
      return [
        .result(
          #"{"items":[{"error":{"code":-32001,"message":"not an image","data":{"name":"image_unreadable","index":0}}},"#
            + #"{"id":"b.jpg","status":"stored"}]}"#)
      ]
    }
    defer { daemon.stop() }
    let arguments = ["add", "there", folder.path + "/t", "--socket", daemon.path]
    let client = try Client(arguments)
    #expect(client.status == 1)
    #expect(client.output.hasPrefix("1 image stored in there, 1 failed; "))
    #expect(client.error == "esvit: a.jpg: not an image\nesvit: 1 of 2 images failed\n")
    let json = try Client(arguments + ["--json"])
    #expect(json.status == 1)
    let report = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(report["stored"] as? Int == 1 && report["failed"] as? Int == 1)
    #expect((report["failures"] as? [[String: String]])?.first == ["name": "a.jpg", "message": "not an image"])
  }

  @Test("files whose path is not UTF-8 are named as failures, with replacement characters, and the others are stored")
  func notUTF8() throws {
    let folder = try TemporaryFolder()
    try folder.write("t/good.jpg")
    // Latin-1 names: two files that look the same once repaired, one in such a folder, and one that is no image.
    let odd: [[UInt8]] = [[0xFC], [0xFB], Array("notes.txt".utf8) + [0xFC]].map { Array("\(folder.path)/t/".utf8) + $0 }
    #expect(mkdir(odd[0].map(CChar.init(bitPattern:)) + [0], 0o700) == 0)
    for path in [odd[0] + Array("/x.jpg".utf8), odd[0] + Array(".jpg".utf8), odd[1] + Array(".jpg".utf8), odd[2]] {
      let file = open(path.map(CChar.init(bitPattern:)) + [0], O_CREAT | O_WRONLY, 0o600)
      #expect(file >= 0 && close(file) == 0)
    }
    let daemon = try FakeDaemon { accepting($0) }
    defer { daemon.stop() }
    for tiles in ["t", "[t]"] {
      let client = try Client(["add", "there", tiles, "--json", "--socket", daemon.path], in: folder.url)
      #expect(client.status == 1 && client.error == "esvit: 3 of 4 images failed\n")
      let report = try #require(try JSONSerialization.jsonObject(with: Data(client.output.utf8)) as? [String: Any])
      #expect(report["stored"] as? Int == 1)
      let failures = try #require(report["failures"] as? [[String: String]])
      let prefix = tiles == "t" ? "" : "t/"
      #expect(failures.map { $0["name"] } == ["\u{FFFD}.jpg", "\u{FFFD}/x.jpg", "\u{FFFD}.jpg"].map { prefix + $0 })
      #expect(failures.allSatisfy { $0["message"]?.contains("not UTF-8") == true })
    }
    let pattern = try Client(["add", "there", "t/*.jpg", "--socket", daemon.path], in: folder.url)
    #expect(pattern.status == 1 && pattern.error.contains("t/\u{FFFD}.jpg: its path is not UTF-8"))
    #expect(pattern.output.hasPrefix("1 image stored in there, 2 failed"))
  }

  @Test("requests keep to the limits that the daemon's status tells")
  func limits() throws {
    let folder = try TemporaryFolder()
    for index in 0..<10 {
      try folder.write("t/\(index).jpg", [UInt8](repeating: 0xFF, count: index == 5 ? 90_000 : 30_000))
    }
    let daemon = try FakeDaemon { received in
      // A line of 360,000 bytes leaves 73,392 bytes for files beside what stands around them.
      received.method == "status" ? [.result(#"{"limits":{"items":4,"line":360000}}"#)] : accepting(received)
    }
    defer { daemon.stop() }
    let client = try Client(["add", "there", folder.path + "/t", "--socket", daemon.path])
    #expect(client.status == 1)
    #expect(client.error.contains("5.jpg: 87.9 KiB; a file inside a request has at most"))
    #expect(client.output.hasPrefix("9 images stored in there, 1 failed"))
    let adds = daemon.received.filter { $0.contains("\"add\"") }
    #expect(adds.allSatisfy { $0.utf8.count < 360_000 } && adds.count == 5)
  }

  @Test("a full disk ends the command with the daemon's message")
  func storage() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("a.jpg")
    let daemon = try FakeDaemon { received in
      received.method == "add" ? [.error(-32008, "storage_failure", "disk full")] : accepting(received)
    }
    defer { daemon.stop() }
    let client = try Client(["add", "there", file, "--socket", daemon.path])
    #expect(client.status == 1 && client.error == "esvit: disk full [storage_failure]\n")
  }

  @Test("two files with one id are refused before anything is sent")
  func sameID() throws {
    let folder = try TemporaryFolder()
    try folder.write("one/a.jpg")
    try folder.write("two/a.jpg")
    let daemon = try FakeDaemon { accepting($0) }
    defer { daemon.stop() }
    let client = try Client(["add", "there", folder.path + "/one", folder.path + "/two", "--socket", daemon.path])
    #expect(client.status == 2)
    #expect(client.error.contains("--id-prefix"))
    #expect(daemon.received.isEmpty)
  }
}
