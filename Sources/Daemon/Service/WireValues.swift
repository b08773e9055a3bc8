// The protocol's values as the archive's, and back.
import FoundationEssentials
import Imaging
import Retrieval
import Wire

extension Retrieval.Filter {
  init(_ filter: Wire.Filter) {
    self.init(
      fields: Dictionary(
        uniqueKeysWithValues: filter.fields.compactMap { field, values in
          Field(rawValue: field.rawValue).map { ($0, values) }
        }),
      metadata: filter.metadata.mapValues { $0.compactMap(MetadataValue.init) })
  }
}

extension MetadataValue {
  /// Nil for what metadata may not hold.
  init?(_ value: JSONValue) {
    switch value {
    case .string(let text): self = .string(text)
    case .integer(let number): self = .integer(number)
    case .double(let number): self = .number(number)
    case .bool(let truth): self = .boolean(truth)
    case .null, .array, .object: return nil
    }
  }

  var json: JSONValue {
    switch self {
    case .string(let text): .string(text)
    case .integer(let number): .integer(number)
    case .number(let number): .double(number)
    case .boolean(let truth): .bool(truth)
    }
  }
}

extension Include {
  init(_ fields: Set<IncludeField>) {
    self = fields.reduce(into: []) { include, field in include.formUnion(Include.names[field.rawValue] ?? []) }
  }
}

extension ItemDescription {
  /// What a client says of an item; without hash and encoder, which are not its to say. Where it says nothing of a
  /// region, that of its image counts.
  init(_ item: Wire.Item) {
    var region = item.region
    if region == nil, case .image(let picture) = item.content { region = picture.region }
    var metadata: [String: MetadataValue] = [:]
    for member in item.metadata { metadata[member.name] = MetadataValue(member.value) }
    self.init(
      id: item.id, label: item.label, slide: item.slide, patient: item.patient, site: item.site,
      region: region.map {
        SlideRegion(x: $0.x, y: $0.y, width: $0.width, height: $0.height, level: $0.level)
      },
      mpp: item.mpp, source: item.source, metadata: metadata.isEmpty ? nil : metadata)
  }
}

extension Wire.StoredItem {
  init(_ item: Retrieval.StoredItem) {
    let description = item.description
    self.init(
      id: description.id, label: description.label, slide: description.slide, patient: description.patient,
      site: description.site, source: description.source,
      region: description.region.map {
        Region(x: $0.x, y: $0.y, width: $0.width, height: $0.height, level: $0.level)
      },
      mpp: description.mpp,
      metadata: description.metadata.map { metadata in
        var object = JSONObject()
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { object[key] = value.json }
        return object
      },
      embedding: item.embedding.map { WireEmbedding($0) }, sha256: description.imageSHA256.map(hexadecimal),
      thumbnail: item.thumbnail.map { Array($0) })
  }
}

extension CollectionDescription {
  init(_ info: CollectionInfo) {
    self.init(
      name: info.name, dimension: info.dimension, model: info.modelFingerprint, precision: info.precision.rawValue,
      count: info.count, bytes: info.bytes)
  }
}

extension ImageRegion {
  init(_ region: Region) {
    self.init(x: region.x, y: region.y, width: region.width, height: region.height, level: region.level)
  }
}

/// Two lower-case digits a byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
