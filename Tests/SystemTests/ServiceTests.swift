import Foundation
import Testing

extension WithDaemon {
  /// The installed service under a real systemd, which `Tests/Tools/with-systemd` boots in namespaces.
  @Suite(
    "Under systemd", .timeLimit(.minutes(5)),
    .enabled(if: Built.canBoot, "needs root that may mount, and Debian's package systemd"))
  struct ServiceTests {
    let tree: Folder

    init() throws {
      tree = try Folder()
      let files = FileManager.default
      func put(_ source: String, _ place: String) throws {
        let target = tree.file(place)
        try files.createDirectory(
          atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try files.copyItem(atPath: source, toPath: target)
      }
      let systemd = Built.root.appendingPathComponent("systemd").path
      let units = "usr/local/lib/systemd/system"
      try put(Built.esvitd, "usr/local/bin/esvitd")
      try put(Built.esvit, "usr/local/bin/esvit")
      try put("\(systemd)/esvitd.service", "\(units)/esvitd.service")
      try put("\(systemd)/esvitd.socket", "\(units)/esvitd.socket")
      try put("\(systemd)/drop-ins/pocl.conf", "\(units)/esvitd.service.d/device.conf")
      try put("\(systemd)/sysusers.d/esvitd.conf", "usr/local/lib/sysusers.d/esvitd.conf")
      try put("\(systemd)/tmpfiles.d/esvitd.conf", "usr/local/lib/tmpfiles.d/esvitd.conf")
      // The kernels that other tests compiled; systemd gives them to the service's user.
      try put(Built.cache, "var/cache/esvitd")
      if Built.model.hasPrefix("/") { try put(Built.model, "usr/local/share/esvitd/model.safetensors") }
      var settings = "[Service]\nWatchdogSec=5\nRestartSec=0\n"
      // The binaries under test use the toolchain's own libraries; ProtectHome= hides those of a user's toolchain.
      if let libraries = Self.swiftLibraries, libraries.hasPrefix("/home/") || libraries.hasPrefix("/root/") {
        settings += "ProtectHome=tmpfs\nBindReadOnlyPaths=\(libraries)\n"
      }
      try settings.write(toFile: tree.file("\(units)/esvitd.service.d/test.conf"), atomically: true, encoding: .utf8)
    }

    /// Where the Swift libraries lie that this process uses.
    private static let swiftLibraries: String? = {
      let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
      let line = maps.split(separator: "\n").first { $0.hasSuffix("/libswiftCore.so") }
      return line?.firstIndex(of: "/").flatMap { start in
        line.map { (String($0[start...]) as NSString).deletingLastPathComponent }
      }
    }()

    /// Runs a script beside the service's systemd; returns the lines it wrote.
    private func run(_ script: String) async throws -> [String] {
      let tool = Built.root.appendingPathComponent("Tests/Tools/with-systemd").path
      let start = """
        set -euo pipefail
        export ESVIT_SOCKET=/run/esvitd/esvitd.sock
        systemd-sysusers /usr/local/lib/sysusers.d/esvitd.conf
        systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/esvitd.conf
        systemctl start esvitd.socket
        show() { systemctl show --value --property "$1" esvitd.service; }
        """
      let child = try Child([tool, tree.path, "bash", "-c", start + "\n" + script])
      let ending = try await child.ended(within: .seconds(240))
      try #require(ending == .exit(0), "\(child.output)\n\(child.errors)")
      return child.output.split(separator: "\n").map(String.init)
    }

    @Test("starts at the first request, shut in as the unit says; stopped, it starts for the next client")
    func activation() async throws {
      let lines = try await run(
        """
        stat --format='%U %G %a' "$ESVIT_SOCKET"
        show ActiveState
        esvit status >/dev/null
        systemctl start esvitd.service  # waits for its READY=1
        show ActiveState
        show StatusText
        ps -o user= -p "$(show MainPID)"
        grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' /proc/"$(show MainPID)"/status | tr -d '\\t'
        systemctl stop esvitd.service
        show Result
        test -S "$ESVIT_SOCKET"
        esvit status >/dev/null
        systemctl start esvitd.service
        show ActiveState
        """)
      #expect(lines.count == 11, "\(lines)")
      #expect(lines.prefix(3) == ["esvitd esvitd 660", "inactive", "active"])
      #expect(lines.dropFirst(4).first == "esvitd")
      #expect(lines.contains("CapEff:0000000000000000"))
      #expect(lines.contains("CapBnd:0000000000000000"))
      #expect(lines.contains("NoNewPrivs:1"))
      #expect(lines.contains("Seccomp:2"))
      #expect(lines.suffix(2) == ["success", "active"])
    }

    @Test("comes back after kill -9, and after its device's thread hangs: the client is answered all the same")
    func restarts() async throws {
      let lines = try await run(
        """
        systemctl start esvitd.service
        first=$(show MainPID)
        kill -KILL "$first"
        esvit status >/dev/null
        systemctl start esvitd.service
        second=$(show MainPID)
        test "$first" != "$second" && echo restarted
        kill -STOP "$second"
        esvit status >/dev/null
        test "$second" != "$(show MainPID)" && echo restarted
        """)
      #expect(lines == ["restarted", "restarted"])
    }
  }
}
