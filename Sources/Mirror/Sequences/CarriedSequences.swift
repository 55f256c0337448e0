import Supabase

/// How far the target's sequences are known to be, so that nothing is sent while none at the source has moved on.
struct CarriedSequences: Hashable, Sendable {
  private var given: [NumberedColumn: Int128] = [:]
  /// Columns that have no sequence on the target.
  private(set) var missing: Set<NumberedColumn> = []

  /// What the target is to be told, and what cannot be told.
  ///
  /// - Parameter tables: those that this mirror copies; the source may know of others.
  func due(
    _ source: [SequenceState], of tables: Set<TableName>
  ) -> (raises: [SequenceRaise], problems: [String]) {
    var furthest: [NumberedColumn: Int128] = [:]
    var problems: [String] = []
    for state in source where tables.contains(state.user.table) {
      guard let number = state.given else {
        problems.append(
          "the sequence \(state.name) of \(state.user) is not carried: the owner of the source's "
            + "sync_sequences() may not read it; grant select on it to that role")
        continue
      }
      // More than one of a column: whoever takes over needs the furthest.
      furthest[state.user] =
        furthest[state.user].map { state.isDescending ? min($0, number) : max($0, number) }
        ?? number
    }
    let raises = furthest.filter { given[$0.key] != $0.value }
      .map { SequenceRaise(user: $0.key, value: $0.value) }
    return (raises.sorted { $0.user < $1.user }, problems)
  }

  /// Takes in what the target answered.
  ///
  /// - Returns: why some are behind.
  mutating func note(_ answers: [RaisedSequence], to raises: [SequenceRaise]) -> [String] {
    var problems: [String] = []
    for raise in raises {
      let answers = answers.filter { $0.user == raise.user }
      let failed = answers.filter { $0.problem != nil }
      problems += failed.map {
        "the target's sequence \($0.sequence ?? "") of \(raise.user) is behind the source's: "
          + ($0.problem ?? "")
      }
      if answers.contains(where: { $0.sequence != nil }) {
        missing.remove(raise.user)
      } else {
        missing.insert(raise.user)
      }
      given[raise.user] = failed.isEmpty ? raise.value : nil
    }
    return problems
  }
}

extension Pass {
  /// Brings the target's sequences as far as the source's are, so that a target that takes over does not give out
  /// numbers twice. Rows come first: each sequence is then past every row that was copied.
  func carrySequences(_ tables: [Lane], _ report: inout PassReport) async throws(LaneStop) {
    var carried = await lanes.sequences
    do throws(LaneStop) {
      let names = Set(tables.map(\.plan.name))
      var (raises, problems) = carried.due(try await source.sequences(), of: names)
      if !raises.isEmpty { problems += carried.note(try await target.raise(raises), to: raises) }
      report.unmirrored += problems
      await lanes.setSequences(carried)
    } catch {
      switch error {
      case .interrupted: throw error
      case .table(let sentence), .project(let sentence), .configuration(let sentence),
        .state(let sentence):
        report.unmirrored.append("sequences are not carried: \(sentence)")
      }
    }
    for lane in tables {
      for column in carried.missing where column.table == lane.plan.name {
        try await lane.run { lane throws(LaneStop) in
          lane.report.notes.append(
            "\(column.column) takes its values from a sequence at the source, and from none that is "
              + "known on the target: rows written there would need their own")
        }
      }
    }
  }
}
