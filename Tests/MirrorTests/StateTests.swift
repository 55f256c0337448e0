import JSON
import Mirror
import Supabase
import Testing

private let identity = World.identity

private let nasty = [
  raw("9223372036854775807"), raw("-0"), raw("1e400"), raw("12345678901234567890.123456789"),
  raw("\"\\u0000\\ud800 \\\" \\\\ \\/ é \u{1F600}\""), raw("{\"a\": [1,  2]}"), raw("null"),
  raw("\"2024-06-01T12:00:00.123456+00:00\""), raw("\"\\u00e9\""), raw("\"\""), raw("true"),
]

private func fullState() -> [TableName: TableState] {
  var state = TableState(field: "updated \"at\"", keyColumns: ["id", "ключ"])
  state.checkpoint = nasty[7]
  state.scan = OpenScan(cursor: Cursor(nasty), cap: nasty[0])
  state.held = HeldCheckpoint(checkpoint: nasty[7], isPassed: true)
  state.columns = ["id", "ключ", "a \"b\""]
  state.shape = TableShape([
    "id": .init(source: "bigint", target: "numeric"), "a \"b\"": .init(source: "t", target: "t"),
  ])
  state.triggers = ["source", "target"]
  state.copyReason = "column \"b\" is new to it"
  state.readsAll = true
  state.heldDeletes = 7
  state.jsonbNulls = 3
  state.jsonbNullsCounted = -5
  state.quarantine[RowKey(nasty)] = QuarantinedRow(
    code: "23503", reason: "a \"reason\"\n\u{7}", attempts: 4, since: -946_684_800_000_000)
  state.quarantine[RowKey([int(2)])] = QuarantinedRow(code: "", reason: "", since: .max)
  var counted = TableState(field: "f", keyColumns: ["k"])
  counted.jsonbNullsCounted = 9
  counted.held = HeldCheckpoint(checkpoint: nasty[8], isPassed: false)
  counted.columns = []
  counted.shape = TableShape([:])
  return [
    TableName(schema: "a.b", name: "c"): state,
    TableName(schema: "a", name: "b.c"): TableState(field: "f", keyColumns: []),
    TableName(name: "counted"): counted,
  ]
}

@Test func `state is read as it was written, byte for byte`() throws {
  let text = StateText.write(fullState(), identity)
  let read = try StateText.read(text, identity, path: "p")
  #expect(read == fullState())
  #expect(StateText.write(read, identity) == text)
  for (index, token) in nasty.enumerated() {
    #expect(
      read[TableName(schema: "a.b", name: "c")]?.scan?.cursor.values[index].bytes == token.bytes)
  }
}

@Test func `a state cut at any byte is refused and left alone`() {
  let text = StateText.write(fullState(), identity)
  for length in 0..<text.count {
    let storage = MemoryStorage(Array(text[..<length]))
    #expect(throws: StateError.self) { try StateStore(storage, identity: identity) }
    #expect(storage.bytes?.count == length && storage.saves == 0)
  }
}

@Test(arguments: [
  (#"{"version":2,"epoch":"pair","mirror":"test","tables":[]}"#, "newer"),
  (#"{"version":0,"epoch":"pair","mirror":"test","tables":[]}"#, "version"),
  (#"{"version":1,"epoch":"other","mirror":"test","tables":[]}"#, "another pair"),
  (#"{"version":1,"epoch":"pair","mirror":"other","tables":[]}"#, "another pair"),
  (#"{"version":1,"mirror":"test","tables":[]}"#, "missing"),
  (#"{"version":1,"epoch":"pair","mirror":"test"}"#, "missing"),
  (#"{"version":"1","epoch":"pair","mirror":"test","tables":[]}"#, "version"),
  (#"{"version":1,"epoch":"pair","mirror":"test","tables":[{}]}"#, "cannot be read"),
  (
    #"{"version":1,"epoch":"pair","mirror":"test","tables":[{"schema":"s","table":"t","field":"f","keyColumns":["k"],"checkpoint":"not json"}]}"#,
    "cannot be read"
  ),
  (
    #"{"version":1,"epoch":"pair","mirror":"test","tables":[{"schema":"s","table":"t","field":"f","keyColumns":["k"],"checkpoint":5}]}"#,
    "cannot be read"
  ),
  (
    #"{"version":1,"epoch":"pair","mirror":"test","tables":[{"schema":"s","table":"t","field":"f","keyColumns":["k"],"scan":{"cursor":[]}}]}"#,
    "cannot be read"
  ),
  (
    #"{"version":1,"epoch":"pair","mirror":"test","tables":[{"schema":"s","table":"t","field":"f","keyColumns":["k"],"quarantine":[{"key":["1"]}]}]}"#,
    "cannot be read"
  ),
  ("[]", "version"), ("", "cannot be read"), ("\u{0}\u{0}\u{0}", "cannot be read"),
])
func `a state that is not this mirror's is refused and left alone`(text: String, words: String) {
  let storage = MemoryStorage(Array(text.utf8))
  do {
    _ = try StateStore(storage, identity: identity)
    Issue.record("it was taken")
  } catch {
    #expect(error.description.contains(words), "\(error)")
    #expect(error.description.contains("left"), "\(error)")
  }
  #expect(storage.bytes == Array(text.utf8) && storage.saves == 0)
}

@Test func `a state that could not be made durable is not remembered`() async throws {
  let storage = MemoryStorage()
  let store = try StateStore(storage, identity: identity)
  let table = TableName(name: "t")
  let state = TableState(field: "f", keyColumns: ["k"])
  storage.fail(at: 1)
  await #expect(throws: StateError.self) { try await store.set(state, of: table) }
  #expect(await store.state(of: table) == nil)
  storage.fail(at: nil)
  try await store.set(state, of: table)
  #expect(await store.state(of: table) == state)
  // What is known already is not written again.
  try await store.set(state, of: table)
  #expect(storage.saves == 1)
}

private func known(quarantined: Bool = false) -> TableState {
  var state = TableState(field: "updated_at", keyColumns: ["id"])
  state.checkpoint = raw("5")
  state.scan = OpenScan(cursor: Cursor([raw("6"), raw("1")]), cap: nil)
  state.heldDeletes = 3
  if quarantined {
    state.quarantine[RowKey([int(1)])] = QuarantinedRow(code: "", reason: "", since: 0)
  }
  return state
}

@Test func `a state of the same configuration stays as it is`() {
  #expect(
    known(quarantined: true).adapted(field: "updated_at", keyColumns: ["id"])
      == known(quarantined: true))
}

@Test func `another field makes the whole table be read`() {
  let state = known(quarantined: true).adapted(field: "version", keyColumns: ["id"])
  #expect(state.readsAll && state.checkpoint == nil && state.scan == nil)
  #expect(state.quarantine.count == 1 && state.heldDeletes == 3 && state.field == "version")
}

@Test func `other keys keep the checkpoint unless rows in quarantine can no longer be named`() {
  let plain = known().adapted(field: "updated_at", keyColumns: ["a", "b"])
  #expect(!plain.readsAll && plain.checkpoint == raw("5") && plain.scan == nil)
  let quarantined = known(quarantined: true).adapted(field: "updated_at", keyColumns: ["a", "b"])
  #expect(quarantined.readsAll && quarantined.checkpoint == nil)
  #expect(quarantined.quarantine.isEmpty)
  // What was still to be read stays so.
  let twice = quarantined.adapted(field: "updated_at", keyColumns: ["id"])
  #expect(twice.readsAll)
}
