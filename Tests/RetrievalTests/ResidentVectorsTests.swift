import OpenCL
import Operators
import Testing

@testable import Retrieval

@DeviceActor
@Suite("Resident vectors without a store")
struct ResidentVectorsTests {
  @Test("the search equals a double-precision one, blocks of any size added", arguments: VectorFormat.allCases)
  func search(_ format: VectorFormat) throws {
    let items = Fixture.items(3_000, dimension: 40, seed: 21)
    let resident = try ResidentVectors(dimension: 40, context: Fixture.context.get(), vectors: format)
    var rest = items[...]
    for size in [1, 31, 1_000, 1_968] {
      try resident.append(rest.prefix(size).flatMap(\.embedding))
      rest = rest.dropFirst(size)
    }
    #expect(resident.count == 3_000)
    #expect(resident.bytes >= 3_000 * 40 * format.bytesPerElement)
    let truth = BruteForce(items, format)
    var random = SplitMix(seed: 22)
    let queries = (0..<5).map { _ in random.vector(40) }
    for (query, found) in zip(queries, try resident.nearest(queries, k: 12)) {
      let expected = truth.search(query, k: 12)
      #expect(found.map { "\($0.position)" } == expected.map(\.id))
      #expect(found.map(\.score) == expected.map(\.score))
    }
  }

  @Test("what is no vector is an error and changes nothing")
  func unusable() throws {
    let resident = try ResidentVectors(dimension: 4, context: Fixture.context.get())
    #expect(throws: OpenCLError.self) { try resident.append([1, 2, 3]) }
    #expect(throws: OpenCLError.self) { try resident.append([1, 2, 3, 4, 0, 0, 0, 0]) }
    #expect(throws: OpenCLError.self) { try resident.append([1, 2, 3, .nan]) }
    #expect(resident.count == 0)
    try resident.append([1, 2, 3, 4])
    #expect(throws: OpenCLError.self) { try resident.nearest([[1, 2, 3]], k: 1) }
    #expect(throws: OpenCLError.self) { try resident.nearest([[0, 0, 0, 0]], k: 1) }
    #expect(try resident.nearest([[1, 2, 3, 4]], k: 9) == [[.init(position: 0, score: 1)]])
  }
}
