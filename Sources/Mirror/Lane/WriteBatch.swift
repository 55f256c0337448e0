import JSON
import Supabase

/// A row the target refused, alone.
struct Refusal {
  let key: RowKey
  let code: String
  let reason: String
}

/// What became of a batch: every row of it was written or refused.
struct BatchOutcome {
  var written = 0
  var refusals: [Refusal] = []
  /// Of rows that were to be inserted: some of these are there already.
  var unclear: [Int] = []
}

extension Lane {
  /// Writes these rows of a page. A refused batch is halved until the refused rows are alone.
  ///
  /// - Parameters:
  ///   - failed: what writing all of them has led to already.
  ///   - isInsert: what the target has under a row's key stays as it is.
  /// - Throws: where rows could be neither written nor refused for a reason of their own.
  func write(
    _ rows: JSONRows, _ indices: [Int], after failed: PostgRESTError? = nil, isInsert: Bool = false
  ) async throws(LaneStop) -> BatchOutcome {
    hasWrittenSinceCount = true
    try forget(writing: indices, of: rows)
    var outcome = BatchOutcome()
    var open = [indices[...]]
    var failed = failed
    var timeouts = 0
    var confirmed: [ArraySlice<Int>] = []
    while let batch = open.popLast() {
      guard !batch.isEmpty else { continue }
      let body = batch.count == rows.count ? rows.bytes : rows.array(of: batch)
      let columns = writtenColumns
      do throws(PostgRESTError) {
        if let error = failed {
          failed = nil
          throw error
        }
        let written = try await send(body, columns, isInsert: isInsert)
        if let written, written < batch.count, isInsert {
          outcome.written += written
          outcome.unclear += batch
        } else if let written, written < batch.count {
          try await findSkipped(rows, batch, body, columns, &outcome)
        } else {
          outcome.written += batch.count
          if written != nil { confirmed.append(batch) }
        }
      } catch {
        // A batch that took too long may be too large; a few times on, the target does not answer at all.
        if error.isTimeout { timeouts += 1 }
        if error.isTimeout, timeouts > Self.mostTimeouts || batch.count == 1 {
          throw LaneStop(error)
        }
        try await recover(from: error, rows, batch, columns, &open, &outcome)
      }
    }
    for batch in confirmed { try remember(written: batch, of: rows) }
    return outcome
  }

  private func send(
    _ body: [UInt8], _ columns: [String], isInsert: Bool
  ) async throws(PostgRESTError) -> Int? {
    if isInsert {
      return try await target.insert(
        body, into: plan.name, keyColumns: plan.keyColumns, columns: columns)
    }
    return try await target.upsert(
      body, into: plan.name, keyColumns: plan.keyColumns, columns: columns)
  }

  /// Each costs the request's whole time limit.
  private static var mostTimeouts: Int { 3 }

  /// Decides what a failed batch becomes: smaller ones, the same once more, or refused rows.
  private func recover(
    from error: PostgRESTError, _ rows: JSONRows, _ batch: ArraySlice<Int>,
    _ columns: [String], _ open: inout [ArraySlice<Int>], _ outcome: inout BatchOutcome
  ) async throws(LaneStop) {
    let recovery = error.isTimeout ? .shrink : Recovery(for: error)
    if error.code == "23502", let column = error.subject, plan.targetOnly.contains(column) {
      throw .table(
        "\(error.message); the source has no column \(column), so no row has a value for it: on the "
          + "target run: ALTER TABLE \(SQLName.quoted(plan.name)) ALTER COLUMN "
          + "\(SQLName.quoted(column)) DROP NOT NULL, or drop the column there")
    }
    switch recovery {
    case .leaveOut(let column) where !plan.keyColumns.contains(column):
      guard columns.contains(column) else { throw LaneStop(error) }
      if leftOut.insert(column).inserted {
        report.notes.append("\(column) is generated on the target, which computes it itself")
      }
      open.append(batch)
    case .leaveOut(let column):
      throw .table(
        "\(error.message); the key column \(column) is generated on the target and cannot be "
          + "written there: make it a plain column")
    case .shrink, .split, .afterParents:
      // Else it was read before pages were made smaller.
      if recovery == .shrink, batch.count <= size.rows { _ = size.shrink() }
      if batch.count > 1 {
        let middle = batch.startIndex + batch.count / 2
        open.append(batch[middle...])
        open.append(batch[..<middle])
      } else {
        for key in try keys(of: rows, batch) {
          outcome.refusals.append(
            Refusal(key: key, code: error.code, reason: error.message))
        }
      }
    case .retry, .awaitSchemaCache, .stopTable, .stopProject: throw LaneStop(error)
    }
  }

  /// The server wrote fewer rows than it was sent and gave no error: a trigger or rule skipped some. The same
  /// batch again, answered with keys, tells which.
  private func findSkipped(
    _ rows: JSONRows, _ batch: ArraySlice<Int>, _ body: [UInt8], _ columns: [String],
    _ outcome: inout BatchOutcome
  ) async throws(PostgRESTError) {
    let returned = Set(
      try await target.upsertReturningKeys(
        body, into: plan.name, keyColumns: plan.keyColumns, columns: columns))
    let sent = (try? keys(of: rows, batch)) ?? []
    for key in sent {
      if returned.contains(key) {
        outcome.written += 1
      } else {
        outcome.refusals.append(
          Refusal(
            key: key, code: "",
            reason: "a trigger or rule on the target's \(plan.name) skipped the row"))
      }
    }
  }
}

extension PostgRESTError {
  /// SQLSTATE or PGRST code; empty where there was none.
  var code: String {
    if case .server(_, let code) = kind { code ?? "" } else { "" }
  }
}
