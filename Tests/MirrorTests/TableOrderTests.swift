import Mirror
import Supabase
import Testing

private func levels(_ tables: [String], _ references: [String: [String]]) -> [[String]] {
  TableOrder.levels(
    tables.map { TableName(name: $0) },
    references: Dictionary(
      uniqueKeysWithValues: references.map { child, parents in
        (TableName(name: child), Set(parents.map { TableName(name: $0) }))
      })
  ).map { $0.map(\.name) }
}

@Test func `parents stand before children`() {
  #expect(levels([], [:]) == [])
  #expect(levels(["a", "b"], [:]) == [["a", "b"]])
  #expect(levels(["c", "b", "a"], ["c": ["b"], "b": ["a"]]) == [["a"], ["b"], ["c"]])
  let diamond = ["d": ["b", "c"], "b": ["a"], "c": ["a"]]
  #expect(levels(["d", "c", "b", "a"], diamond) == [["a"], ["c", "b"], ["d"]])
  // The longest way counts.
  #expect(levels(["c", "b", "a"], ["c": ["a", "b"], "b": ["a"]]) == [["a"], ["b"], ["c"]])
}

@Test func `a reference to itself or to a table that is not mirrored does not count`() {
  #expect(levels(["a", "b"], ["a": ["a", "elsewhere"], "b": ["b"]]) == [["a", "b"]])
}

@Test func `a circle shares a level, between its parents and its children`() {
  let references = ["a": ["b", "top"], "b": ["c"], "c": ["a"], "leaf": ["b"]]
  #expect(
    levels(["leaf", "a", "b", "c", "top"], references) == [["top"], ["a", "b", "c"], ["leaf"]])
}

@Test func `a chain of two hundred tables`() {
  let names = (0..<200).map { "t\($0)" }
  let references = Dictionary(
    uniqueKeysWithValues: (1..<200).map { ("t\($0)", ["t\($0 - 1)"]) })
  #expect(levels(names.reversed(), references) == names.map { [$0] })
}

@Test func `every table stands once and behind its parents, whatever the references`() {
  var random = SeededGenerator(seed: 7)
  for _ in 0..<50 {
    let names = (0..<Int.random(in: 1...12, using: &random)).map { "t\($0)" }
    var references: [String: [String]] = [:]
    for child in 0..<names.count {
      for parent in 0..<child where Int.random(in: 0..<4, using: &random) == 0 {
        references[names[child], default: []].append(names[parent])
      }
    }
    let result = levels(names.shuffled(using: &random), references)
    #expect(result.flatMap { $0 }.sorted() == names.sorted())
    var level: [String: Int] = [:]
    for (number, tables) in result.enumerated() { for table in tables { level[table] = number } }
    for (child, parents) in references {
      for parent in parents { #expect(level[parent]! < level[child]!) }
    }
  }
}

@Test(arguments: [
  (limit: 1_000, percent: 25, deletes: 0, DeleteGuard.Verdict.allow),
  (1_000, 25, 10, .allow),
  (1_000, 25, 11, .allowIfTableHas(rows: 44)),
  (1_000, 25, 1_000, .allowIfTableHas(rows: 4_000)),
  (1_000, 25, 1_001, .hold),
  (1_000, 30, 11, .allowIfTableHas(rows: 37)),
  (1_000, 100, 1_000, .allow),
  (1_000, 0, 10, .allow),
  (1_000, 0, 11, .hold),
  (0, 25, 0, .allow),
  (0, 25, 1, .hold),
  (5, 100, 6, .hold),
])
func `which deletes are held`(
  limit: Int, percent: Int, deletes: Int, verdict: DeleteGuard.Verdict
) {
  #expect(DeleteGuard(limitRows: limit, limitPercent: percent).verdict(deletes: deletes) == verdict)
}

@Test func `approval covers what it names`() {
  #expect(!DeleteApproval.none.covers("public.a"))
  #expect(DeleteApproval.all.covers("public.a"))
  #expect(DeleteApproval.tables(["public.a"]).covers("public.a"))
  #expect(!DeleteApproval.tables(["public.a"]).covers("public.b"))
}

/// SplitMix64: the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
