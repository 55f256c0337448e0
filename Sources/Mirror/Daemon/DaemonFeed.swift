import Supabase

extension Daemon {
  /// One event of the feed, in order.
  func received(_ event: FeedEvent) async {
    let time = elapsed()
    if case .change(let change, let channel, let join) = event {
      if change.table == Marker.table {
        guard let beat = marker.beat(in: change) else { return }
        return await saw(beat, channel: channel, join: join)
      }
      witness(change, channel)
      await lanes.lane(of: change.table)?.signal(change, at: time)
    }
    if case .refused(let channel, let problem) = event {
      await leaveOut(problem, of: channel)
    }
    forgetSuspects(event)
    await perform(health.received(event, at: time))
  }

  /// What a gap may have swallowed is no proof of a loss.
  private func forgetSuspects(_ event: FeedEvent) {
    switch event {
    case .connected, .change: return
    case .disconnected: for name in witnesses.keys { witnesses[name]?.reset() }
    case .subscribed(let channel, _, _), .refused(let channel, _), .ended(let channel, _):
      witnesses[channel]?.reset()
    }
  }

  private func witness(_ change: FeedChange, _ channel: String) {
    guard let key = change.key ?? change.oldKey else {
      witnesses[channel]?.signalledUnknown()
      return
    }
    witnesses[channel]?.signalled(RowKey(key), of: change.table)
    if let oldKey = change.oldKey, oldKey != key {
      witnesses[channel]?.signalled(RowKey(oldKey), of: change.table)
    }
  }

  /// A table that cannot be subscribed disables its whole channel, so it goes where others share it.
  private func leaveOut(_ problem: FeedProblem, of channel: String) async {
    guard case .table(let table?) = problem.kind,
      let plan = feedPlan?.channels.first(where: { $0.name == channel }),
      table == Marker.table || plan.tables.count(where: { $0.name != Marker.table }) > 1,
      refusedTables.insert(table).inserted
    else { return }
    surroundings.log.warning(
      "the feed leaves a table out",
      ["table": table.description, "reason": problem.description])
    // The next survey makes the channels anew.
    await needsPass(.all)
  }

  /// A marker row came back.
  private func saw(_ beat: Int64, channel: String, join: Int) async {
    let time = elapsed()
    if let missed = witnesses[channel]?.saw(beat: beat, at: time), missed > 0 {
      await perform(health.lossFound(channel: channel, rows: missed, at: time))
    }
    await perform(health.saw(beat: beat, channel: channel, join: join, at: elapsed()))
    // The first channel that shows a beat is the one to measure by.
    guard let began = beats[beat] else { return }
    beats = beats.filter { $0.key > beat }
    uncopied = min(uncopied ?? began, began)
    await markerAlarm.ring()
  }

  /// Copies marker rows to the target as they come back, one at a time: none that is older may be the last.
  func copyMarkers() async {
    while !Task.isCancelled {
      if let began = uncopied {
        uncopied = nil
        await copyMarker(began)
      } else {
        await markerAlarm.sleep()
      }
    }
  }

  private func copyMarker(_ began: Duration) async {
    do throws(PostgRESTError) {
      try await marker.copy()
      lags.add(LagSample(time: surroundings.now(), lag: elapsed() - began))
    } catch {
      surroundings.log.debug("marker row not copied", ["reason": error.message])
    }
  }

  /// Rows that a reconcile found changed, and the feed should have reported.
  func foundChanged(_ table: TableName, _ keys: [RowKey]) {
    guard let channel = feedPlan?.channelOf[table],
      let since = health.channels.first(where: { $0.channel.name == channel })?.provenAt,
      let reconciled = reconciledFrom[table], reconciled > since
    else { return }
    witnesses[channel]?.found(keys, of: table, begunBeat: lastBeat)
  }

  /// Carries out what the feed's health asks for.
  func perform(_ actions: [FeedHealth.Action]) async {
    for action in actions {
      switch action {
      case .writeBeat:
        isBeatDue = true
        await beatAlarm.ring()
      case .rejoin(let channel): await surroundings.feed?.rejoin(channel)
      case .reconnect: await surroundings.feed?.reconnect()
      case .pass: await needsPass(.all)
      case .log(let event): surroundings.log.write(event)
      }
    }
    guard let deadline = health.nextDeadline else { return }
    if watchedUntil.map({ deadline < $0 }) ?? true { await feedAlarm.ring() }
  }

  /// Writes a marker row whenever the feed's health asks for it.
  func writeBeats() async {
    while !Task.isCancelled {
      if isBeatDue {
        isBeatDue = false
        await writeBeat()
      } else {
        await beatAlarm.sleep()
      }
    }
  }

  private func writeBeat() async {
    let beat = max(lastBeat + 1, surroundings.now())
    lastBeat = beat
    let began = elapsed()
    beats[beat] = began
    // Those that never came back.
    if beats.count > 100 { beats = beats.filter { $0.value > began - .seconds(600) } }
    do throws(PostgRESTError) {
      try await marker.write(beat)
      await perform(health.wroteBeat(beat, began: began, at: elapsed()))
    } catch {
      surroundings.log.debug("marker row not written", ["reason": error.message])
      await perform(health.failedToWriteBeat(at: elapsed()))
    }
  }

  /// Lets the feed's health see the time.
  func watchFeed() async {
    while !Task.isCancelled {
      watchedUntil = health.nextDeadline
      await feedAlarm.sleep(atMost: watchedUntil.map { max(.zero, $0 - elapsed()) })
      await perform(health.tick(at: elapsed()))
    }
  }
}
