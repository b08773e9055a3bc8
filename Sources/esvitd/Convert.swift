import ArgumentParser
import EsViT
import Foundation
import Operators

extension Weights: ExpressibleByArgument {}

/// `esvitd convert`: a checkpoint to one safetensors file that holds the backbone alone and says what it is.
struct Convert: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a model as safetensors, with a header that says what it is.",
    discussion: """
      Reads an original EsViT checkpoint (.pth), one of timm, or safetensors, and keeps the backbone alone. Nothing in \
      a checkpoint is run. The header records architecture, source, date, licence and the preprocessing, which the \
      daemon then follows; what IN's own header says holds unless an option says otherwise. It also records by how much \
      embeddings turn at bf16 and int8, measured here, which `--precision auto` goes by; IN and OUT may be one file, to \
      measure again.
      """)

  @Argument(
    help: ArgumentHelp("The checkpoint to read.", valueName: "in"),
    completion: .file(extensions: ["pth", "pt", "safetensors"]))
  var input: String

  @Argument(
    help: ArgumentHelp("The file to write; its name ends in .safetensors.", valueName: "out"),
    completion: .file(extensions: ["safetensors"]))
  var output: String

  @Option(help: "The network to take from an original checkpoint; the teacher where there is one by default.")
  var weights: Weights?

  @Option(help: "Where the weights come from; IN's name by default.")
  var source: String?

  @Option(help: "The day of the weights, YYYY-MM-DD; that of IN's last change by default.")
  var date: String?

  @Option(help: "The licence of the weights, an SPDX identifier if there is one.")
  var license: String?

  @Option(help: "Length of the shorter side after resizing, in pixels.")
  var resize: Int?

  @Option(help: "Side of the square that is cut from the centre, in pixels.")
  var crop: Int?

  @Option(help: "Mean of red, green and blue, each in 0…1: 0.485,0.456,0.406.", transform: channels)
  var mean: [Float]?

  @Option(help: "Standard deviation of red, green and blue: 0.229,0.224,0.225.", transform: channels)
  var std: [Float]?

  @Flag(
    inversion: .prefixedNo, help: "Measure the loss of lower precisions on a device; else what IN says of it holds.")
  var measure = true

  @Option(
    help: ArgumentHelp("Measure on images of this folder, at most \(ImageSample.limit); on generated ones by default."),
    completion: .directory)
  var images: String?

  @Option(help: "The device to measure on: auto, gpu, cpu, its index or a part of its name.")
  var device = "auto"

  func validate() throws {
    guard measure || images == nil else { throw ValidationError("--images is for measuring.") }
    guard output.hasSuffix(".safetensors") else {
      throw ValidationError("OUT must end in .safetensors, and '\(output)' does not.")
    }
    if let date, date.wholeMatch(of: #/\d{4}-\d{2}-\d{2}/#) == nil {
      throw ValidationError("'\(date)' is no date of the form YYYY-MM-DD.")
    }
  }

  func run() async throws {
    let sample = try images.map(ImageSample.init(folder:))
    let model = try Model.load(input, weights: weights)
    var header = model.header
    header["source"] = source ?? header["source"] ?? URL(filePath: input).lastPathComponent
    header["date"] = try date ?? header["date"] ?? lastChange()
    header["license"] = license ?? header["license"] ?? "unknown"
    let old = model.preprocessing
    var converted = model.with(
      preprocessing: Preprocessing(
        resize: resize ?? old.resize, crop: crop ?? old.crop, mean: mean ?? old.mean, std: std ?? old.std),
      header: header)
    try converted.write(to: output)
    if measure {
      converted = converted.with(loss: try await Self.loss(of: converted, at: output, on: device, sample))
      try converted.write(to: output)
    }
    print(
      """
      \(output)
        architecture   \(converted.architecture.name): \(converted.architecture.json)
        weights        \(converted.architecture.parameterCount), embedding of \(converted.architecture.dimension)
        preprocessing  \(converted.preprocessing.json)
        source         \(header["source"] ?? "")
        date, licence  \(header["date"] ?? ""), \(header["license"] ?? "")
        loss           \(converted.loss.map(Self.text) ?? "not measured")
        fingerprint    \(converted.fingerprint)
      """)
  }

  /// Measures on the images of a folder, or on generated ones.
  private static func loss(
    of model: Model, at location: String, on device: String, _ sample: ImageSample?
  ) async throws -> PrecisionLoss {
    let prepared = try await PreparedDevice.prepare(
      device, for: model, at: location, precisions: Set(Precision.allCases))
    for warning in prepared.warnings { FileHandle.standardError.write(Data("Warning: \(warning)\n".utf8)) }
    let measurement = try await LossMeasurement(model, on: prepared)
    if let sample {
      while let images = await sample.next(LossMeasurement.batch) { try await measurement.add(images) }
    } else {
      for start in stride(from: 0, to: generated, by: LossMeasurement.batch) {
        let images = (start..<min(start + LossMeasurement.batch, generated)).map {
          TissuePattern.image($0, side: model.preprocessing.resize)
        }
        try await measurement.add(images)
      }
    }
    guard let loss = await measurement.loss(source: sample?.name ?? "generated") else {
      throw ValidationError("No image below \(sample?.name ?? "") could be read; the loss was not measured.")
    }
    return loss
  }

  /// Generated images to measure on where no folder is given.
  private static let generated = 32

  private static func text(_ loss: PrecisionLoss) -> String {
    let source = loss.source == "generated" ? "generated images" : "images of \(loss.source)"
    return "cosine of bf16 ≥ \(loss.bf16.minimum) (mean \(loss.bf16.mean)), of int8 ≥ \(loss.int8.minimum) "
      + "(mean \(loss.int8.mean)), on \(loss.images) \(source)"
  }

  private func lastChange() throws -> String {
    guard FileManager.default.fileExists(atPath: input) else { return Date().formatted(.iso8601.year().month().day()) }
    let attributes = try FileManager.default.attributesOfItem(atPath: input)
    return (attributes[.modificationDate] as? Date ?? Date()).formatted(.iso8601.year().month().day())
  }

  @Sendable private static func channels(_ text: String) throws -> [Float] {
    let values = text.split(separator: ",").compactMap { Float($0) }
    guard values.count == 3, text.split(separator: ",").count == 3 else {
      throw ValidationError("'\(text)' is not three numbers with commas between them.")
    }
    return values
  }
}
