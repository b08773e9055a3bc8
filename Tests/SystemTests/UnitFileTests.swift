import Foundation
import Testing

@Suite(
  "The unit files",
  .enabled(if: Built.tool("systemd-analyze") != nil, "needs Debian's package systemd"))
struct UnitFileTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func unit(_ name: String) throws -> String {
    try String(contentsOf: Built.root.appendingPathComponent("systemd/\(name)"), encoding: .utf8)
  }

  /// Puts the units into a folder, with a program that exists in place of the installed one.
  private func install(dropIn: String? = nil) throws {
    let service = try unit("esvitd.service").replacingOccurrences(of: "/usr/local/bin/esvitd", with: "/bin/true")
    try service.write(toFile: folder.file("esvitd.service"), atomically: true, encoding: .utf8)
    try unit("esvitd.socket").write(toFile: folder.file("esvitd.socket"), atomically: true, encoding: .utf8)
    guard let dropIn else { return }
    let place = try folder.folder("esvitd.service.d")
    try unit("drop-ins/\(dropIn).conf").write(toFile: "\(place)/device.conf", atomically: true, encoding: .utf8)
  }

  private func analyze(_ arguments: [String]) async throws -> (ending: Ending, output: String, errors: String) {
    let tool = try #require(Built.tool("systemd-analyze"))
    let paths = "\(folder.path):/usr/lib/systemd/system:/lib/systemd/system"
    let child = try Child([tool] + arguments, environment: ["SYSTEMD_UNIT_PATH": paths, "SYSTEMD_COLORS": "0"])
    return (try await child.ended(), child.output, child.errors)
  }

  @Test("systemd-analyze verify has nothing to say", arguments: [nil, "pocl", "nvidia", "amd"])
  func verify(dropIn: String?) async throws {
    try install(dropIn: dropIn)
    let result = try await analyze(["verify", "--man=no", folder.file("esvitd.service"), folder.file("esvitd.socket")])
    #expect(result.ending == .exit(0))
    // Units of the machine itself may be at fault; ours are not.
    let ours = (result.output + result.errors).split(separator: "\n").filter { $0.contains("esvitd") }
    #expect(ours.isEmpty)
  }

  @Test("systemd-analyze security finds at most 1.2 of 10 exposed", arguments: [nil, "pocl", "nvidia", "amd"])
  func security(dropIn: String?) async throws {
    try install(dropIn: dropIn)
    let result = try await analyze(["security", "--offline=true", "--threshold=12", "--no-pager", "esvitd.service"])
    #expect(result.ending == .exit(0), "\(result.output)\(result.errors)")
    #expect(result.output.contains("Overall exposure level for esvitd.service"))
  }

  @Test(
    "sysusers.d and tmpfiles.d make the user and the socket's folder",
    .enabled(if: geteuid() == 0 && Built.tool("systemd-sysusers") != nil, "needs root and Debian's package systemd"))
  func userAndFolder() async throws {
    _ = try folder.folder("etc")
    for (tool, file) in [("systemd-sysusers", "sysusers.d"), ("systemd-tmpfiles", "tmpfiles.d")] {
      let program = try #require(Built.tool(tool))
      let file = Built.root.appendingPathComponent("systemd/\(file)/esvitd.conf").path
      let create = tool == "systemd-tmpfiles" ? ["--create"] : []
      let child = try Child([program, "--root=\(folder.path)"] + create + [file])
      #expect(try await child.ended() == .exit(0), "\(child.errors)")
    }
    let users = try String(contentsOfFile: folder.file("etc/passwd"), encoding: .utf8)
    let user = try #require(users.split(separator: "\n").first { $0.hasPrefix("esvitd:") }).split(separator: ":")
    #expect(user[5] == "/var/lib/esvitd")
    #expect(user[6].hasSuffix("nologin"))
    let socketFolder = try FileManager.default.attributesOfItem(atPath: folder.file("run/esvitd"))
    #expect(socketFolder[.posixPermissions] as? Int == 0o750)
    #expect((socketFolder[.ownerAccountID] as? Int).map(String.init) == String(user[2]))
  }
}
