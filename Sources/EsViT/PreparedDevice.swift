import Foundation
import Logging
import OpenCL
import Operators

/// A device on which a model's kernels were seen to compute rightly: what a process that encodes starts from.
///
/// Where program, drivers, processor or model is new, a child process builds and checks every kernel at every layer's
/// shape first (`Rehearsal`); at every start small shapes are checked in this process.
package struct PreparedDevice: Sendable {
  package let context: Context
  /// The fastest kernels that hold on the device, for `Encoder` and `Archive`.
  package let variants: Variants
  /// One line for each kernel that was dropped for the portable one: to be logged.
  package let warnings: [String]

  package init(context: Context, variants: Variants, warnings: [String]) {
    self.context = context
    self.variants = variants
    self.warnings = warnings
  }

  /// Selects the device, opens it and settles which kernels are used.
  ///
  /// To be called before anything else calls OpenCL. May take a minute where something is new.
  ///
  /// - Parameters:
  ///   - selector: as `Device.select` takes it.
  ///   - location: from where `model` was loaded, for the child to load it as well.
  ///   - rehearsal: the arguments by which this program calls `rehearse`; `--device`, `--model` and `--precision` are
  ///     appended.
  ///   - precisions: those that encoders will be made for.
  /// - Throws: `OpenCLError` where there is no fit device, cache directory or driver; `SelfCheckError` where even the
  ///   portable kernels compute wrongly.
  package static func prepare(
    _ selector: String, for model: Model, at location: String, precisions: Set<Precision> = [.f32],
    rehearsal: [String] = ["prebuild"], logger: Logger? = nil
  ) async throws -> PreparedDevice {
    let cache = try Drivers.prepare()
    let ordered = Precision.allCases.filter(precisions.contains)
    let found = try await Rehearsal(
      in: cache,
      arguments: rehearsal + ["--device", selector, "--model", location]
        + ordered.flatMap { ["--precision", $0.rawValue] },
      dependencies: [model.fingerprint]
    ).run(logger: logger)
    let findings = try Findings(found)
    return try await DeviceActor.run {
      let context = try Context(device: Device.select(selector), cacheDirectory: cache.programs)
      let report = try SelfCheck.settle(
        context, preferred: findings.variants,
        shapes: OperatorShape.small + ordered.flatMap(OperatorShape.small(of:)))
      return PreparedDevice(
        context: context, variants: report.variants, warnings: findings.warnings + report.warnings)
    }
  }

  /// What the child does: compiles, runs and checks every kernel of `model` at every shape, and encodes.
  ///
  /// - Returns: a line for the child's standard output, by which `prepare` knows what was found.
  package static func rehearse(
    _ selector: String, for model: Model, precisions: [Precision] = [.f32]
  ) async throws -> String {
    let cache = try Drivers.prepare()
    return try await DeviceActor.run {
      let context = try Context(device: Device.select(selector), cacheDirectory: cache.programs)
      let shapes = precisions.flatMap {
        OperatorShape.small(of: $0) + model.architecture.layerShapes(model.preprocessing, precision: $0)
      }
      let unique = (OperatorShape.small + shapes).reduce(into: [OperatorShape]()) { all, shape in
        if !all.contains(shape) { all.append(shape) }
      }
      let report = try SelfCheck.settle(context, shapes: unique)
      let side = model.preprocessing.resize
      let image = RGB8Image(
        width: side, height: side,
        pixels: (0..<side * side * 3).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) })
      for precision in precisions {
        let encoder = try Encoder(model: model, context: context, precision: precision, variants: report.variants)
        for count in [1, 2] {
          for result in try encoder.encode(Array(repeating: image, count: count)) { _ = try result.get() }
        }
      }
      return try Findings(variants: report.variants, warnings: report.warnings).line()
    }
  }
}

/// What the child tells: one line of JSON.
struct Findings: Codable {
  private let kernels: [String: Variant]
  let warnings: [String]

  init(variants: Variants, warnings: [String]) {
    kernels = Dictionary(uniqueKeysWithValues: OperatorKind.allCases.map { ($0.rawValue, variants[$0]) })
    self.warnings = warnings
  }

  init(_ line: String) throws(OpenCLError) {
    do {
      self = try JSONDecoder().decode(Findings.self, from: Data(line.utf8))
    } catch {
      throw OpenCLError(
        operation: "The trial run of the kernels ended without its findings", detail: "it said: \(line)")
    }
  }

  func line() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  var variants: Variants {
    var variants = Variants.portable
    for kind in OperatorKind.allCases { variants[kind] = kernels[kind.rawValue] ?? .portable }
    return variants
  }
}
