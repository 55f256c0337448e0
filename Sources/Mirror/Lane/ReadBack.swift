import JSON
import Supabase

extension Lane {
  /// Of the first batch written in a pass, a few rows are read back from the target: a trigger that changes
  /// rows, or a column that is narrower there, gives no error of its own.
  func readBack(
    _ rows: JSONRows, _ keys: [RowKey], _ indices: [Int], _ outcome: BatchOutcome
  ) async throws(LaneStop) {
    guard !hasReadBack else { return }
    let refused = Set(outcome.refusals.map(\.key))
    let written = indices.filter { !refused.contains(keys[$0]) }
    guard !written.isEmpty else { return }
    hasReadBack = true
    let step = max(1, written.count / Self.sampleSize)
    let sample = stride(from: 0, to: written.count, by: step).map { written[$0] }
    guard let found = try await rowsOnTarget(sample.map { keys[$0] }) else { return }
    let missing = sample.count { found[keys[$0]] == nil }
    if missing > 0 {
      report.unmirrored.append(
        "the target took rows and does not have them (\(missing) of \(sample.count) read back): look "
          + "for a trigger that deletes or re-keys them")
    }
    var columns: Set<String> = []
    var different = 0
    for index in sample {
      guard let bytes = found[keys[index]], bytes != rows.row(index) else { continue }
      different += 1
      columns.formUnion(try differingColumns(rows, index, bytes))
    }
    guard different > 0 else { return }
    let names = plan.columns.filter(columns.contains).joined(separator: ", ")
    report.unmirrored.append(
      "the target stores other values than it was sent, in \(names) (\(different) of "
        + "\(sample.count) rows read back): disable the target's trigger that changes them, or give "
        + "the columns the source's types")
  }

  private static var sampleSize: Int { 10 }

  private func differingColumns(
    _ rows: JSONRows, _ index: Int, _ target: ArraySlice<UInt8>
  ) throws(LaneStop) -> [String] {
    let sent = try values(plan.columns, rows, index)
    guard let page = try? JSONRows([UInt8(ascii: "[")] + target + [UInt8(ascii: "]")]) else {
      return []
    }
    let stored = try values(plan.columns, page, 0)
    return zip(plan.columns, zip(sent, stored)).filter { $0.1.0 != $0.1.1 }.map(\.0)
  }
}
