import LocalSupabase
import Transport

/// Users of the source: inserts, updates and deletes, each in a transaction of its own, at a steady pace.
struct Workload: Sendable {
  let stack: BenchStack
  let changesPerSecond: Int
  /// Changes of one transaction.
  let batch: Int

  /// - Returns: how many changes were made.
  func run(for time: Duration) async throws -> Int {
    let pool = PostgresPool(dsn: stack.source.dsn, size: 1)
    let clock = ContinuousClock()
    let start = clock.now
    var made = 0
    var transaction = 0
    while clock.now - start < time {
      let due = start + .milliseconds(made * 1_000 / changesPerSecond)
      if due > clock.now { try await Task.sleep(until: due) }
      let sql = statement(transaction)
      try await pool.withConnection(waitAtMost: .seconds(60)) { connection in
        _ = try connection.run(script: sql)
      }
      transaction += 1
      made += batch
    }
    await pool.close()
    return made
  }

  /// Two of three are inserts, then an update of a row that has arrived long since; of single changes one of thirty is
  /// a delete.
  private func statement(_ number: Int) -> String {
    let table = BenchStack.name(number % stack.tables)
    let round = number / stack.tables
    let first = round * batch
    if number % 3 < 2 || round < 30 {
      return """
        insert into \(table) (id, text, number)
        select n, 'row ' || n || repeat(' text', 20), n * 1.10
        from generate_series(\(first), \(first + batch - 1)) as n on conflict do nothing
        """
    }
    let old = (round * 7919) % (round - 20) * batch
    if batch == 1, number % 30 == 29 { return "delete from \(table) where id = \(old)" }
    return """
      update \(table) set text = text || '.', written_at = clock_timestamp(), updated_at = now()
      where id between \(old) and \(old + batch - 1)
      """
  }
}
