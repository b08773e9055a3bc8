import Foundation
import OpenCL
import Testing

@testable import Retrieval

@Suite("Many callers at once")
struct ConcurrencyTests {
  @Test(
    "additions, replacements, removals and searches in any order leave both copies the same", .timeLimit(.minutes(1)))
  func stress() async throws {
    let directory = try TemporaryDirectory()
    let archive = try await Fixture.archive(directory)
    let writers = 4
    let rounds = 25
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<writers {
        group.addTask {
          var random = SplitMix(seed: UInt64(writer))
          for round in 0..<rounds {
            let ids = (0..<8).map { "\((writer * 3 + round * 8 + $0) % 150)" }
            let items = ids.map { Fixture.item($0, random.vector(16), slide: "S\(random.next() % 5)") }
            switch random.next() % 4 {
            case 0: _ = try await archive.remove(ids: ids, from: "c")
            case 1: _ = try await archive.add(items, to: "c", onConflict: .error)
            default: _ = try await archive.add(items, to: "c", onConflict: .replace)
            }
          }
        }
        group.addTask {
          var random = SplitMix(seed: UInt64(100 + writer))
          for _ in 0..<rounds {
            let slide = "S\(random.next() % 5)"
            let query = random.vector(16)
            let answer = try await archive.search(
              "c", queries: [Query(.embedding(query))], k: 20, filter: Filter(fields: [.slide: [slide]]),
              include: .embedding
            ).only()
            // Whatever moment it saw, vector, score and field are of the same item.
            for neighbour in answer.neighbours {
              #expect(neighbour.item.description.slide == slide)
              let item = NewItem(neighbour.item.description, embedding: try #require(neighbour.item.embedding))
              #expect(BruteForce([item]).search(query, k: 1)[0].score == neighbour.score)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    try await compare(archive)
    await archive.close()
  }

  /// What a search finds is what the store lists, before and after a restart.
  private func compare(_ archive: Archive) async throws {
    let page = try await archive.list(in: "c", limit: 1000, include: .embedding)
    let items = try page.items.map { NewItem($0.description, embedding: try #require($0.embedding)) }
    #expect(!items.isEmpty)
    let info = try await archive.collections()[0]
    #expect(info.count == items.count && info.bytes == items.count * 64)
    let query = [Float](repeating: 1, count: 16)
    let answer = try await archive.search("c", queries: [Query(.embedding(query))], k: 1000)
    expect(try answer.only(), equals: BruteForce(items).search(query, k: 1000))
    #expect(answer.searched == items.count)
  }

  @Test("a cancelled caller's addition is whole or absent, and the same in both copies")
  func cancellation() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    let items = Fixture.items(400)
    for start in stride(from: 0, to: items.count, by: 20) {
      let task = Task {
        for item in items[start..<start + 20] {
          try Task.checkCancellation()
          _ = try await archive.add([item], to: "c", onConflict: .error)
        }
      }
      // Somewhere in the middle: after as many steps as another caller takes for one search.
      _ = try await archive.search("c", queries: [Query(.embedding(items[0].embedding))], k: 1)
      task.cancel()
      _ = await task.result
    }
    let total = try await archive.count(in: "c").total
    let answer = try await archive.search("c", queries: [Query(.embedding(items[0].embedding))], k: 1000)
    #expect(answer.searched == total)
    #expect(try answer.only().neighbours.count == total)
  }

  @Test("collections made and dropped under the hands of searches and additions answer or are not found")
  func dropUnderHands() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<6 {
        group.addTask {
          let items = Fixture.items(5, seed: UInt64(caller))
          for _ in 0..<20 {
            do throws(ArchiveError) {
              switch caller % 3 {
              case 0: _ = try await archive.search("c", queries: [Query(.embedding(items[0].embedding))], k: 10)
              case 1: _ = try await archive.add(items, to: "c", onConflict: .replace)
              default:
                try await archive.drop("c")
                _ = try await archive.create("c", dimension: 16)
              }
            } catch .collectionNotFound, .collectionExists {
              continue
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let total = try await archive.count(in: "c").total
    let query = Query(.embedding([Float](repeating: 1, count: 16)))
    #expect(try await archive.search("c", queries: [query], k: 100).searched == total)
  }

  @Test("staged vectors are seen by no search until they are published")
  @DeviceActor
  func staged() throws {
    let operators = try SearchOperators(context: Fixture.context.get(), format: .f16)
    let index = VectorIndex(dimension: 4, operators: operators)
    func found() throws -> [Int64] {
      try index.nearest([[1, 0, 0, 0]], k: 9, SearchMasks(masks: [index.table.vacant]))[0].map(\.row)
    }
    let slots = try index.stage([1, 0, 0, 0, 0, 1, 0, 0])
    #expect(try found() == [])
    index.publish(slots[1], row: 5, fields: [nil, nil, nil, nil])
    #expect(try found() == [5])
    index.discard([slots[0]])
    // A replacement is staged beside the old vector, which stays until it is published.
    let again = try index.stage([1, 0, 0, 0])
    #expect(again == [slots[0]])
    #expect(try index.nearest([[1, 0, 0, 0]], k: 9, SearchMasks(masks: [index.table.vacant]))[0][0].score == 0)
    index.publish(again[0], row: 5, fields: [nil, nil, nil, nil])
    #expect(try index.nearest([[1, 0, 0, 0]], k: 9, SearchMasks(masks: [index.table.vacant]))[0][0].score == 1)
    #expect(index.table.count == 1)
    index.remove([5])
    #expect(try found() == [])
  }
}
