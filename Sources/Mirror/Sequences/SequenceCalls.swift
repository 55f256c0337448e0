import Supabase

/// The functions of the migration that know sequences and triggers.
enum SequenceFunction {
  static let sequences = "sync_sequences"
  static let raise = "sync_raise_sequences"
  static let disabledTriggers = "sync_disabled_triggers"
}

extension MirroredProject {
  func sequences() async throws(LaneStop) -> [SequenceState] {
    let body = try await answer(SequenceFunction.sequences)
    guard let states = SequenceState.read(body) else {
      throw unreadable(SequenceFunction.sequences)
    }
    return states
  }

  /// Raises, and never lowers.
  func raise(_ raises: [SequenceRaise]) async throws(LaneStop) -> [RaisedSequence] {
    let body = try await answer(SequenceFunction.raise, SequenceRaise.arguments(raises))
    guard let raised = RaisedSequence.read(body) else { throw unreadable(SequenceFunction.raise) }
    return raised
  }

  func disabledTriggers() async throws(LaneStop) -> [DisabledTrigger] {
    let body = try await answer(SequenceFunction.disabledTriggers)
    guard let triggers = DisabledTrigger.read(body) else {
      throw unreadable(SequenceFunction.disabledTriggers)
    }
    return triggers
  }

  private func answer(
    _ function: String, _ arguments: [UInt8] = Array("{}".utf8)
  ) async throws(LaneStop) -> [UInt8] {
    do throws(PostgRESTError) {
      return try await rpc(function, schema: "public", arguments: arguments)
    } catch {
      throw LaneStop(error)
    }
  }

  private func unreadable(_ function: String) -> LaneStop {
    .table(
      "public.\(function) answers in another form than expected; apply the output of "
        + "`supamirror migration` to both projects again")
  }
}
