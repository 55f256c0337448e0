import JSON
import Supabase

extension TableRepair {
  /// Leaves the planned deletes for a person, or for another run.
  func hold(because reason: String) {
    report.held = work.extra.count
    report.heldReason = reason
  }

  /// Whether so many deletes need a yes.
  func needsApproval() async throws(LaneStop) -> Bool {
    guard !work.extra.isEmpty, report.failure == nil else { return false }
    do throws(LaneStop) {
      return try await lane.mustHold(work.extra.count)
    } catch {
      try note(error)
      return true
    }
  }

  /// Rows of this table that the plan or this repair has left as they are: a delete elsewhere that cascades could take
  /// them.
  var hasLeftRows: Bool {
    report.failure != nil || report.newer + work.newer + work.left > 0 || report.refused > 0
      || report.held + report.kept > 0
  }

  /// Deletes what only the target has, and only that: each row is looked for at the source right before.
  func delete() async throws(LaneStop) {
    guard !work.extra.isEmpty, report.failure == nil else { return }
    let start = ContinuousClock.now
    defer { report.elapsed += ContinuousClock.now - start }
    do throws(LaneStop) {
      var open = work.extra
      // Rows may refer to each other, so what was refused is tried again while that helps.
      while !open.isEmpty {
        var refused: [RecoveryPlan.Row] = []
        for piece in Self.pieces(of: open) { refused += try await delete(piece) }
        if refused.count == open.count { break }
        open = refused
      }
      report.refused += open.count
    } catch {
      try note(error)
    }
  }

  /// - Returns: those that the target refuses to delete.
  private func delete(
    _ rows: [RecoveryPlan.Row]
  ) async throws(LaneStop) -> [RecoveryPlan.Row] {
    if Task.isCancelled { throw .interrupted }
    let keys = rows.map(\.key)
    let onTarget = try await comparison.rows(of: keys, at: .target, atMost: Self.keysTogether)
    let atSource = try await comparison.rows(of: keys, at: .source, atMost: Self.keysTogether)
    var refused: [RecoveryPlan.Row] = []
    var absent: [RecoveryPlan.Row] = []
    for row in rows {
      guard let found = onTarget[row.key] else {
        report.gone += 1
        continue
      }
      if atSource[row.key] == nil, try version(found.page, found.index) == row.version {
        absent.append(row)
      } else {
        report.kept += 1
      }
    }
    var open = absent.isEmpty ? [] : [absent[...]]
    while let batch = open.popLast() {
      do throws(PostgRESTError) {
        report.deleted += try await target.delete(
          batch.map(\.key), from: plan.name, keyColumns: plan.keyColumns)
      } catch {
        switch Recovery(for: error) {
        case .shrink, .split, .afterParents:
          if batch.count > 1 {
            let middle = batch.startIndex + batch.count / 2
            open.append(batch[middle...])
            open.append(batch[..<middle])
          } else {
            refused += batch
            report.refusedReason = error.message
          }
          continue
        default: throw LaneStop(error)
        }
      }
      // A row that came to the source between the look and the delete is put back.
      for page in try await sourceRows(batch.map(\.key)) { try await insert(page) }
    }
    tell()
    return refused
  }
}
