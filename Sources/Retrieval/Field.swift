/// The properties of an item that searches can filter by, exclude by and tell cases apart by.
package enum Field: String, Sendable, Codable, CaseIterable {
  case label, slide, patient, site
}
