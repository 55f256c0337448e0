import JSON
import Mirror

/// A table that both projects have, and differences planted on the target behind the mirror's back, of every kind that
/// a comparison could pass over.
struct PlantedFaults: Sendable {
  private(set) var missing: Set<Int> = []
  private(set) var extra: Set<Int> = []
  private(set) var different: Set<Int> = []

  static let table = "wares"

  static let schema = """
    create type mood as enum ('good', 'bad');
    create table wares (
      id bigint primary key, owner uuid not null, title text, body text, amount numeric, score double precision,
      done boolean, tags text[], data jsonb, mood mood, created_at timestamptz not null,
      updated_at timestamptz not null default now());
    create index on wares (updated_at, id);
    """

  /// `count` rows with the ids 10, 20, …; the same wherever this runs.
  static func rows(_ count: Int) -> String {
    """
    insert into wares select i * 10, md5(i::text)::uuid, 'title ' || i, 'some body text of a row ' || md5(i::text),
      (i % 1000) + 1.0, i / 3.0, i % 2 = 0, case i % 5 when 0 then array['a', 'b'] end,
      jsonb_build_object('a', i, 'b', 'x'), 'good', '2024-01-01'::timestamptz + i * interval '1 second',
      '2025-01-01'::timestamptz + i * interval '1 microsecond'
    from generate_series(1, \(count)) i
    """
  }

  /// Equal in spite of how they are written: no fault.
  static let noFaults = """
    update wares set data = ('{"b": "x", "a":' || id / 10 || '}')::jsonb, updated_at = updated_at,
      score = score + 0, amount = amount, title = title where id % 1000 = 0
    """

  /// Statements for the target that make some `count` faults among `rows` rows.
  /// - Parameter isFree: which ids may be spoiled.
  static func plant(
    _ count: Int, among rows: Int, seed: UInt64, where isFree: (Int) -> Bool = { _ in true }
  ) -> (PlantedFaults, [String]) {
    var faults = PlantedFaults()
    var statements: [String] = []
    var state = seed
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(limit))
    }
    var taken: Set<Int> = []
    func fresh() -> Int {
      while true {
        let id = (random(rows - 2) + 2) * 10
        if isFree(id), taken.insert(id).inserted { return id }
      }
    }
    func change(_ id: Int, _ set: String) {
      faults.different.insert(id)
      statements.append("update wares set \(set) where id = \(id)")
    }
    func lose(_ id: Int) {
      faults.missing.insert(id)
      statements.append("delete from wares where id = \(id)")
    }
    func add(_ id: Int) {
      faults.extra.insert(id)
      statements.append(
        "insert into wares (id, owner, created_at, updated_at) values (\(id), gen_random_uuid(), '2024-01-01',"
          + " '2024-01-01')")
    }
    // The first and the last key of the source, and rows around both.
    lose(10)
    change(rows * 10, "title = 'last'")
    add(1)
    add(rows * 10 + 5)
    while faults.count < count {
      switch random(12) {
      case 0, 1: lose(fresh())
      case 2, 3:
        let id = fresh() + 1 + random(9)
        if taken.insert(id).inserted { add(id) }
      case 4: change(fresh(), "title = null")
      case 5: change(fresh(), "title = ''")
      case 6: change(fresh(), "amount = (amount::text || '0')::numeric")
      case 7: change(fresh(), "updated_at = updated_at + interval '1 microsecond'")
      case 8: change(fresh(), "data = jsonb_set(data, '{a}', (data ->> 'a' || '.0')::jsonb)")
      case 9: change(fresh(), "done = not done")
      case 10:
        // The same change twice, which an exclusive or would not show.
        for id in [fresh(), fresh()] { change(id, "owner = '\(hex)', body = 'x'") }
      default:
        // Two neighbours swap their values.
        let id = fresh()
        guard id + 10 < rows * 10, isFree(id + 10), taken.insert(id + 10).inserted else {
          change(id, "tags = '{}'")
          continue
        }
        faults.different.formUnion([id, id + 10])
        statements.append(
          "update wares as a set title = b.title from wares as b where a.id in (\(id), \(id + 10))"
            + " and b.id in (\(id), \(id + 10)) and a.id <> b.id")
      }
    }
    return (faults, statements)
  }

  private static let hex = "00000000-0000-0000-0000-0000000000ff"

  var count: Int { missing.count + extra.count + different.count }

  /// What a report's keys lack or have too many; empty where they are these.
  func differences(_ found: VerificationJSON) -> [String] {
    [("missing", missing), ("extra", extra), ("different", different)].compactMap { kind, ids in
      let keys = found.keys(kind)
      if keys == ids { return nil }
      return
        "\(kind): not found \(ids.subtracting(keys).sorted().prefix(10)), false \(keys.subtracting(ids).sorted().prefix(10))"
    }
  }
}

/// The report of `supamirror verify --json --show-keys` about one table.
struct VerificationJSON {
  let root: JSONNode
  let table: JSONNode

  init?(_ text: String) {
    guard let root = try? JSONNode(parsing: Array(text.utf8)),
      let table = root["tables"]?.array?.first
    else { return nil }
    self.root = root
    self.table = table
  }

  func keys(_ kind: String) -> Set<Int> {
    Set((table["keys"]?[kind]?.array ?? []).compactMap { $0.array?.first?.int })
  }

  func count(_ name: String) -> Int { table[name]?.int ?? -1 }
}
