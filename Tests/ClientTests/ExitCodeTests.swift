import Foundation
import Testing

@Suite("Exit codes")
struct ExitCodeTests {
  @Test("no daemon is 3, and the message says how to start one")
  func noDaemon() throws {
    let folder = try TemporaryFolder()
    for arguments in [["status"], ["search", "c", "--id", "x"]] {
      let client = try Client(arguments + ["--socket", folder.path + "/none"])
      #expect(client.status == 3)
      #expect(client.error.contains("no daemon answers at \(folder.path)/none"))
      #expect(client.error.contains("esvitd serve") && client.error.contains("systemctl start"))
      #expect(client.output.isEmpty)
    }
    try folder.write("stale", [])
    #expect(try Client(["status", "--socket", folder.path + "/stale"]).status == 3)
  }

  @Test(
    "wrong usage is 2",
    arguments: [
      ["frobnicate"], ["status", "--frobnicate"], ["search"], ["search", "c"], ["search", "c", "--id", "x", "-k", "0"],
      ["search", "c", "--id", "x", "--exclude-same", "label"], ["add", "c"], ["remove", "c"], ["evaluate", "c"],
      ["evaluate", "c", "folder", "--leave-one-out"], ["call", "status", "{"], ["call", "status", "[]"],
      ["remove", "c", "--filter", "colour=red"], ["encode", "x.jpg", "-o", "x.csv"], ["list", "c", "--limit", "0"],
      ["add", "c", ".", "--label", "x", "--label-from-folder"], ["status", "--timeout", "-1"],
      ["status", "--socket", String(repeating: "x", count: 200)],
    ])
  func usage(_ arguments: [String]) throws {
    let client = try Client(arguments, environment: ["ESVIT_SOCKET": "/nonexistent"])
    #expect(client.status == 2, "\(client.error)")
    #expect(!client.error.isEmpty && client.output.isEmpty)
  }

  @Test("a request that fails is 1, and the daemon's message is told")
  func requestFailed() throws {
    let daemon = try FakeDaemon { _ in [.error(-32003, "not_found", "no collection named c")] }
    defer { daemon.stop() }
    for arguments in [["count", "c"], ["search", "c", "--id", "x"], ["drop", "c"], ["call", "count"]] {
      let client = try Client(arguments + ["--socket", daemon.path])
      #expect(client.status == 1)
      #expect(client.error == "esvit: no collection named c [not_found]\n")
    }
  }

  @Test("with --json, and for call, standard output has the error as JSON, and standard error the words")
  func errorAsJSON() throws {
    let daemon = try FakeDaemon { _ in
      [
        .raw(
          #"{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"k is 9; the limit is 8","#
            + #""data":{"name":"too_large","limit":8}}}"# + "\n")
      ]
    }
    defer { daemon.stop() }
    for arguments in [["count", "c", "--json"], ["get", "c", "x", "--json"], ["call", "count"]] {
      let client = try Client(arguments + ["--socket", daemon.path])
      #expect(client.status == 1)
      #expect(
        client.output == #"{"error":{"code":-32002,"message":"k is 9; the limit is 8","#
          + #""data":{"name":"too_large","limit":8}}}"# + "\n")
      #expect(client.error == "esvit: k is 9; the limit is 8 [too_large]\n")
    }
    let folder = try TemporaryFolder()
    for (arguments, status, name) in [
      (["status"], 3, "no_daemon"), (["search", "c", "none.jpg"], 1, "file"), (["call", "status"], 3, "no_daemon"),
    ] {
      let client = try Client(arguments + ["--json", "--socket", folder.path + "/none"])
      #expect(client.status == status && !client.error.isEmpty)
      let object = try JSONSerialization.jsonObject(with: Data(client.output.utf8)) as? [String: [String: Any]]
      let error = try #require(object?["error"])
      #expect((error["data"] as? [String: String]) == ["name": name] && error["code"] == nil)
      #expect((error["message"] as? String)?.isEmpty == false)
    }
    #expect(try Client(["status", "--json", "--frobnicate"]).output.isEmpty)
  }

  @Test("how to reach the daemon may also stand in front of the sub-command")
  func optionsInFront() throws {
    let daemon = try FakeDaemon { _ in [.result(#"{"count":6000}"#)] }
    defer { daemon.stop() }
    let socket = ["--socket", daemon.path]
    #expect(try Client(socket + ["count", "c"]).output == "6,000\n")
    #expect(try Client(socket + ["--json", "count", "c"]).output == "{\"count\":6000}\n")
    #expect(try Client(["--json", "count"] + socket + ["c"]).output == "{\"count\":6000}\n")
    #expect(try Client(["--timeout", "-1", "count", "c"]).status == 2)
    #expect(try Client(socket + ["count", "c", "--", "--json"]).status == 2)
    let bare = try Client(socket)
    #expect(bare.status == 0 && bare.output.contains("SUBCOMMANDS"))
    #expect(try Client(["count", "--help"]).output.contains("--socket <path>"))
  }

  @Test("a daemon that dies, says nonsense or nothing while it is waited for is 1")
  func broken() throws {
    let dies = try FakeDaemon { _ in [.close] }
    defer { dies.stop() }
    let client = try Client(["status", "--socket", dies.path])
    #expect(client.status == 1)
    #expect(client.error.contains("closed the connection"))
    let raves = try FakeDaemon { _ in [.raw("HTTP/1.1 400 Bad Request\n")] }
    defer { raves.stop() }
    #expect(try Client(["status", "--socket", raves.path]).status == 1)
    let silent = try FakeDaemon { _ in [.silence] }
    defer { silent.stop() }
    let waited = try Client(["status", "--socket", silent.path, "--timeout", "0.05"])
    #expect(waited.status == 1)
    #expect(waited.error.contains("silent"))
  }

  @Test("help, version, completions and the manual's source are 0 and on standard output")
  func help() throws {
    for arguments in [
      ["--help"], ["help", "search"], ["--version"], ["--generate-completion-script", "bash"],
      ["--generate-completion-script", "zsh"], ["--generate-completion-script", "fish"], ["--experimental-dump-help"],
    ] {
      let client = try Client(arguments)
      #expect(client.status == 0 && !client.output.isEmpty && client.error.isEmpty, "\(arguments)")
    }
  }

  @Test("the socket is taken from the option, else ESVIT_SOCKET, else the session's if it is there")
  func socketOrder() throws {
    let folder = try TemporaryFolder()
    let daemon = try FakeDaemon { _ in [.result("{\"text\":\"here\"}")] }
    defer { daemon.stop() }
    let session = folder.path + "/esvitd.sock"
    let runtime = ["XDG_RUNTIME_DIR": folder.path]
    func output(_ arguments: [String], _ environment: [String: String]) throws -> String {
      let client = try Client(["metrics"] + arguments, environment: environment)
      return client.status == 0 ? client.output : client.error
    }
    #expect(try output([], runtime).contains("no daemon answers at /run/esvitd/esvitd.sock"))
    try FileManager.default.createSymbolicLink(atPath: session, withDestinationPath: daemon.path)
    #expect(try output([], runtime) == "here")
    #expect(try output([], runtime.merging(["ESVIT_SOCKET": "/nowhere"]) { $1 }).contains("answers at /nowhere"))
    #expect(try output(["--socket", daemon.path], ["ESVIT_SOCKET": "/nowhere"]) == "here")
    #expect(try output([], ["ESVIT_SOCKET": daemon.path]) == "here")
  }
}
