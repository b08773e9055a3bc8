/// The host's side of the resident vectors: which row of the store each slot holds, and its fields.
///
/// A slot is a place in device memory. It is reserved, filled, and only then published, which cannot fail: until then,
/// and after its item has gone, it is excluded from every search. Freed slots are used again, so nothing is ever moved;
/// the order of insertion is that of the rows, not of the slots.
struct SlotTable: Sendable {
  /// The row that a slot holds; 0 for none.
  private(set) var rows: [Int64] = []
  /// Bits set for the slots that hold no row.
  private(set) var vacant = Bitmask(allSet: 0)
  private var slotOf: [Int64: Int] = [:]
  private var columns = [FieldColumn](repeating: FieldColumn(), count: Field.allCases.count)
  private var free: [Int] = []

  /// Rows that can be found.
  var count: Int { slotOf.count }
  /// Slots ever reserved: what a search runs over.
  var slotCount: Int { rows.count }

  func slot(of row: Int64) -> Int? { slotOf[row] }
  func column(_ field: Field) -> FieldColumn { columns[Self.index(field)] }

  /// Takes `count` slots, free ones first.
  mutating func reserve(_ count: Int) -> [Int] {
    let reused = min(count, free.count)
    var slots = Array(free.suffix(reused))
    free.removeLast(reused)
    let first = rows.count
    slots.append(contentsOf: first..<first + count - reused)
    rows.append(contentsOf: repeatElement(0, count: count - reused))
    vacant.grow(to: rows.count)
    for index in columns.indices { columns[index].grow(to: rows.count) }
    return slots
  }

  /// Gives back reserved slots that are not published.
  mutating func release(_ slots: [Int]) { free.append(contentsOf: slots) }

  /// Lets a reserved slot be found as `row`, in place of the slot that held that row before.
  mutating func publish(_ slot: Int, row: Int64, fields: [String?]) {
    remove(row)
    rows[slot] = row
    slotOf[row] = slot
    vacant[slot] = false
    for (index, value) in fields.enumerated() { columns[index].set(slot, to: value) }
  }

  /// Lets `row` be found no more.
  mutating func remove(_ row: Int64) {
    guard let slot = slotOf.removeValue(forKey: row) else { return }
    rows[slot] = 0
    vacant[slot] = true
    for index in columns.indices { columns[index].set(slot, to: nil) }
    free.append(slot)
  }

  /// The codes that `values` have in `field`; a value that no slot has is left out.
  func codes(of values: [String], in field: Field) -> Set<UInt32> {
    Set(values.compactMap { column(field).code(of: $0) })
  }

  private static func index(_ field: Field) -> Int {
    switch field {
    case .label: 0
    case .slide: 1
    case .patient: 2
    case .site: 3
    }
  }
}
