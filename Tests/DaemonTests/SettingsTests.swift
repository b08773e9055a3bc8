import Foundation
import Testing

@testable import Daemon

@Suite struct SettingsTests {
  /// Writes `yaml` to a file of its own and reads the settings with it.
  private func read(
    flags: [String: String] = [:], environment: [String: String] = [:], yaml: String? = nil
  ) throws -> (Settings, [SettingOrigin]) {
    guard let yaml else {
      return try Settings.read(SettingsSources(flags: flags, environment: environment, defaultFile: "/nonexistent"))
    }
    let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).yaml")
    try Data(yaml.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try Settings.read(SettingsSources(flags: flags, environment: environment, file: file.path))
  }

  /// The problems that reading these settings ends with.
  private func problems(
    flags: [String: String] = [:], environment: [String: String] = [:], yaml: String? = nil
  ) throws -> [String] {
    try #require(throws: SettingsError.self) {
      _ = try read(flags: flags, environment: environment, yaml: yaml)
    }.problems
  }

  @Test("a flag beats the environment, the environment beats the file, the file beats the default")
  func precedence() throws {
    let yaml = "device: from-file\nbatch-wait: 9ms\nmax-batch: 16\n"
    let (settings, origins) = try read(
      flags: ["device": "from-flag"], environment: ["ESVIT_DEVICE": "from-env", "ESVIT_BATCH_WAIT": "4ms"], yaml: yaml)
    #expect(settings.device == "from-flag")
    #expect(settings.batchWait == .milliseconds(4))
    #expect(settings.maximumBatch == 16)
    #expect(settings.queueLength == 4096)
    func source(_ key: String) -> String? { origins.first { $0.key == key }?.source }
    #expect(source("device") == "flag --device")
    #expect(source("batch-wait") == "environment ESVIT_BATCH_WAIT")
    #expect(source("max-batch")?.hasSuffix(", key max-batch") == true)
    #expect(source("queue-length") == "default")
  }

  @Test("every setting has one row, and each row's text is read back as the same value")
  func rowsRoundTrip() throws {
    let (_, origins) = try read()
    #expect(Set(origins.map(\.key)).count == origins.count)
    let flags = Dictionary(uniqueKeysWithValues: origins.filter { !$0.value.isEmpty }.map { ($0.key, $0.value) })
    let (_, again) = try read(flags: flags)
    #expect(again.map(\.value) == origins.map(\.value))
  }

  @Test(
    "a value out of range is refused with key, source and range",
    arguments: [
      ("batch-wait", "2", "from 0s to 1s"), ("batch-wait", "2h", "from 0s to 1s"),
      ("batch-wait", "-1ms", "length of time"),
      ("max-batch", "0", "1 to 256"), ("queue-length", "many", "whole number"),
      ("memory-limit", "512MB", "amount of memory"), ("item-limit", "257", "1 to 256"),
      ("memory-limit", "99999999999999999999GiB", "amount of memory"), ("vectors", "f64", "one of f16, f32"),
      ("precision", "f16", "one of f32, bf16, int8, auto"),
      ("thumbnails", "perhaps", "true or false"), ("image-root", "relative", "absolute"),
      ("log-level", "loud", "one of trace"),
    ])
  func outOfRange(key: String, value: String, says: String) throws {
    let variable = SettingsSources.variable(key)
    let problem = try #require(problems(environment: [variable: value]).first)
    #expect(problem.contains(key) && problem.contains(value) && problem.contains("environment \(variable)"))
    #expect(problem.contains(says))
    #expect(try problems(flags: [key: value]).first?.contains("flag --\(key)") == true)
  }

  @Test("all problems are told at once")
  func allProblems() throws {
    #expect(try problems(flags: ["max-batch": "x", "vectors": "y"], yaml: "drain-time: never\n").count == 3)
  }

  @Test(
    "an unknown or nested key in the file is an error that names it",
    arguments: ["batch_wait: 2ms", "device: {kind: cpu}"])
  func unknownKey(yaml: String) throws {
    let problem = try #require(problems(yaml: yaml).first)
    #expect(problem.contains("batch_wait") || problem.contains("device.kind"))
  }

  @Test(
    "a file that is no YAML mapping, or is missing though named, is an error",
    arguments: ["- a\n- b", "a: [", "\tx: 1"])
  func brokenFile(yaml: String) throws {
    #expect(try problems(yaml: yaml).isEmpty == false)
    #expect(throws: SettingsError.self) {
      try SettingsSources(flags: [:], environment: ["ESVIT_CONFIG": "/nonexistent/x.yaml"])
    }
  }

  @Test("a variable that looks like a setting and is none is found")
  func unknownVariable() throws {
    let environment = ["ESVIT_BATCHWAIT": "1ms", "ESVIT_BATCH_WAIT": "1ms", "ESVIT_CONFIG": "", "PATH": "/bin"]
    #expect(try SettingsSources(flags: [:], environment: environment).unknownVariables == ["ESVIT_BATCHWAIT"])
  }

  @Test("lists come from YAML sequences and from colons")
  func lists() throws {
    #expect(try read(yaml: "image-root:\n  - /data/a\n  - /data/b\n").0.imageRoots == ["/data/a", "/data/b"])
    #expect(try read(environment: ["ESVIT_IMAGE_ROOT": "/data/a:/data/b"]).0.imageRoots == ["/data/a", "/data/b"])
  }

  @Test("default places follow systemd, then XDG, then the home directory")
  func places() throws {
    let service = DefaultPlaces(environment: [
      "STATE_DIRECTORY": "/var/lib/esvitd:/x", "XDG_RUNTIME_DIR": "/run/user/1",
    ])
    #expect(service.state == "/var/lib/esvitd")
    #expect(service.socket == "/run/esvitd/esvitd.sock")
    let person = DefaultPlaces(environment: [
      "XDG_RUNTIME_DIR": "/run/user/1", "HOME": "/home/p", "XDG_CACHE_HOME": "/c",
    ])
    #expect(person.socket == "/run/user/1/esvitd.sock")
    #expect(person.state == "/home/p/.local/state/esvitd")
    #expect(person.cache == "/c/esvitd")
  }

  @Test("a file or directory that cannot be opened is named with the system's reason and where it was set")
  func unreadable() throws {
    let file = try #require(throws: SettingsError.self) {
      try SettingsSources(flags: [:], environment: [:], file: "/nonexistent/x.yaml")
    }
    #expect(
      file.description
        == "the settings file /nonexistent/x.yaml cannot be read: No such file or directory; check --config, "
        + "ESVIT_CONFIG and who may read it")
    let root = try #require(throws: SettingsError.self) { try Engine.imageRoots(["/", "/nonexistent"]) }
    #expect(root.description.hasPrefix("image-root: "))
    #expect(root.description.contains("/nonexistent") && root.description.contains("No such file or directory"))
  }
}
