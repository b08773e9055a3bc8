import Foundation
import Testing

@Suite("esvit list, get, count, remove, collections, status, metrics, call")
struct ItemTests {
  /// 2,500 items in pages, as protocol.md says.
  private func paging(_ received: Received) -> [Reply] {
    let limit = received.params["limit"] as? Int ?? 100
    let after = (received.params["after"] as? String).flatMap { Int($0) } ?? -1
    let range = (after + 1)..<min(after + 1 + limit, 2_500)
    let items = range.map { "{\"id\":\"\($0)\",\"label\":\"l\($0 % 3)\",\"extra\":\($0)}" }.joined(separator: ",")
    let next = range.upperBound < 2_500 ? ",\"next\":\"\(range.upperBound - 1)\"" : ""
    return [.result("{\"items\":[\(items)]\(next)}")]
  }

  @Test("list goes from page to page, with --all to the end")
  func list() throws {
    let daemon = try FakeDaemon { paging($0) }
    defer { daemon.stop() }
    let one = try Client(["list", "c", "--limit", "3", "--socket", daemon.path])
    #expect(one.output == "Id  Label\n0   l0\n1   l1\n2   l2\nMore: --after 2, or --all\n")
    let all = try Client(["list", "c", "--all", "--json", "--socket", daemon.path])
    let object = try #require(try JSONSerialization.jsonObject(with: Data(all.output.utf8)) as? [String: Any])
    let items = try #require(object["items"] as? [[String: Any]])
    #expect(items.map { $0["extra"] as? Int } == (0..<2_500).map { $0 })
    #expect(object["next"] == nil)
    #expect(daemon.received.count == 4)
    let rest = try Client(["list", "c", "--after", "2497", "--json", "--socket", daemon.path])
    #expect(
      rest.output == #"{"items":[{"id":"2498","label":"l2","extra":2498},{"id":"2499","label":"l0","extra":2499}]}"#
        + "\n")
  }

  @Test("a listing as JSON that breaks off is whole JSON all the same: the items so far, and the error")
  func brokenListing() throws {
    let daemon = try FakeDaemon { received in
      received.params["after"] == nil ? paging(received) : [.error(-32008, "storage_failure", "disk")]
    }
    defer { daemon.stop() }
    let client = try Client(["list", "c", "--all", "--json", "--socket", daemon.path])
    #expect(client.status == 1 && client.error == "esvit: disk [storage_failure]\n")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(client.output.utf8)) as? [String: Any])
    #expect((object["items"] as? [Any])?.count == 1_000)
    #expect((object["error"] as? [String: Any])?["code"] as? Int == -32008)
    let at = try Client(["list", "c", "--after", "0", "--json", "--socket", daemon.path])
    #expect(at.output.hasPrefix(#"{"error":{"code":-32008"#) && at.error == client.error)
  }

  @Test("get names the ids that are not there, gives the others and ends with 1")
  func get() throws {
    let daemon = try FakeDaemon { _ in
      [
        .result(
          #"{"items":[{"id":"a","label":"l","region":{"x":1,"y":2,"width":3,"height":4,"level":0},"mpp":0.25},"#
            + #"{"error":{"code":-32003,"message":"no item b","data":{"name":"not_found","index":1}}}]}"#)
      ]
    }
    defer { daemon.stop() }
    let client = try Client(["get", "c", "a", "b", "--include", "region", "--include", "mpp", "--socket", daemon.path])
    #expect(client.status == 1)
    #expect(client.output == "Id  Label  Region   µm/px\na   l      1,2,3,4  0.250\n")
    #expect(client.error == "esvit: b: no item b\nesvit: 1 item of 2 not given\n")
  }

  @Test("count prints a number, or a row a value; hostile values are escaped")
  func count() throws {
    let daemon = try FakeDaemon { received in
      received.params["by"] == nil
        ? [.result(#"{"count":6000}"#)]
        : [
          .result(
            #"{"count":6000,"by":"label","groups":[{"value":"a\u001b[2J","count":5000},{"value":null,"count":1000}]}"#)
        ]
    }
    defer { daemon.stop() }
    #expect(try Client(["count", "c", "--socket", daemon.path]).output == "6,000\n")
    let client = try Client(["count", "c", "--by", "label", "--socket", daemon.path])
    #expect(client.output == "Label       Items\na\\u{1B}[2J  5,000\n(none)      1,000\nin all      6,000\n")
  }

  @Test("remove sends many ids in parts and adds up")
  func remove() throws {
    let daemon = try FakeDaemon { received in
      [.result("{\"removed\":\((received.params["ids"] as? [String])?.count ?? 7)}")]
    }
    defer { daemon.stop() }
    let ids = (0..<600).map { "i\($0)" }
    #expect(try Client(["remove", "c"] + ids + ["--socket", daemon.path]).output == "Removed 600 items.\n")
    #expect(daemon.received.filter { $0.contains("remove") }.count == 3)
    let filtered = try Client(["remove", "c", "--filter", "slide=S", "--json", "--socket", daemon.path])
    #expect(filtered.output == "{\"removed\":7}\n")
    #expect(daemon.received.last?.contains(#""filter":{"slide":"S"}"#) == true)
  }

  @Test("collections, create and drop")
  func collections() throws {
    let one = #"{"name":"c","dimension":768,"model":"0123456789abcdef","count":6000,"bytes":9216000}"#
    let daemon = try FakeDaemon { received in
      received.method == "collections" ? [.result("{\"collections\":[\(one)]}")] : [.result(one)]
    }
    defer { daemon.stop() }
    let list = try Client(["collections", "--socket", daemon.path])
    #expect(
      list.output
        == "Collection  Items  Dimension     Size  Model\nc           6,000        768  8.8 MiB  0123456789ab\n")
    #expect(try Client(["create", "c", "--socket", daemon.path]).output == "Created c, 768 numbers an item.\n")
    #expect(try Client(["drop", "c", "--socket", daemon.path]).output == "Deleted c with 6,000 items.\n")
    #expect(daemon.received.last?.contains(#""params":{"collection":"c"}"#) == true)
  }

  @Test("metrics are printed as they came; status is a summary, and whole with --json")
  func statusAndMetrics() throws {
    let status = #"""
      {"protocol":1,"version":"0.1.0","state":"ready","device":{"name":"CPU","platform":"PoCL","kind":"cpu","driver":"3.1"},"model":{"name":"m","fingerprint":"ab","dimension":256},"uptime":75.5,"queue":{"depth":1,"capacity":512},"connections":2,"counts":{"images_encoded":12,"bytes_in_hand":2048},"collections":[],"latency_ms":[{"stage":"encode","count":12,"p50":31.25,"p90":40,"p99":41,"max":50}],"limits":{"line":67108864,"inline_file":47185920,"path_file":67108864,"pixels":100000000,"items":256,"k":1000,"page":1000,"dimension":65536,"text":1024,"metadata":16384,"filter_values":1000,"connections":256,"in_hand":536870912},"new":true}
      """#
    let daemon = try FakeDaemon { received in
      received.method == "metrics" ? [.result(##"{"text":"# HELP a b\na 1\n"}"##)] : [.result(status)]
    }
    defer { daemon.stop() }
    #expect(try Client(["metrics", "--socket", daemon.path]).output == "# HELP a b\na 1\n")
    #expect(try Client(["status", "--json", "--socket", daemon.path]).output == status + "\n")
    let shown = try Client(["status", "--socket", daemon.path]).output
    for text in ["esvitd 0.1.0, protocol 1", "CPU (cpu)", "PoCL, 3.1", "1 min 16 s", "1 of 512", "Images encoded  12"] {
      #expect(shown.contains(text), "\(shown)")
    }
    for line in [
      "State           ready", "Connections     2 of 256", "Bytes in hand   2.0 KiB of 512.0 MiB",
      "Request limits  64.0 MiB a line, 256 items", "Search limits   k 1,000, 1,000 a page, 1,000 a filter's field",
      "Image limits    45.0 MiB inline, 64.0 MiB by path, 100 megapixels",
      "Item limits     65,536 numbers, 1.0 KiB a text, 16.0 KiB of metadata",
    ] {
      #expect(shown.contains(line + "\n"), "\(shown)")
    }
    #expect(shown.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(shown.hasSuffix("Stage (ms)  Count   p50   p90   p99   Max\nencode         12  31.2  40.0  41.0  50.0\n"))
  }

  @Test("call passes any parameters on, from the command line or standard input, and prints the result")
  func call() throws {
    let daemon = try FakeDaemon { received in [.result(received.method == "x" ? "[1,2.5,\"é\"]" : "null")] }
    defer { daemon.stop() }
    let client = try Client(["call", "x", #"{"b":[1,{"c":null}],"a":"é"}"#, "--socket", daemon.path])
    #expect(client.output == "[1,2.5,\"é\"]\n")
    #expect(daemon.received.last == #"{"jsonrpc":"2.0","id":1,"method":"x","params":{"b":[1,{"c":null}],"a":"é"}}"#)
    let piped = try Client(["call", "y", "-", "--socket", daemon.path], input: "{\"k\":\n1}\n")
    #expect(piped.output == "null\n")
    #expect(daemon.received.last?.contains(#""params":{"k":1}"#) == true)
  }
}
