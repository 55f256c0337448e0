import Transport

extension RealtimeMachine {
  /// One message of the present connection. None is fatal.
  mutating func received(
    _ message: WebSocketMessage, connection number: Int, now: Duration
  ) -> [Action] {
    guard case .open(number, _) = socket else { return [] }
    var actions: [Action] = []
    statistics.countMessage()
    switch message {
    case .binary: note(.binaryMessage, &actions)
    case .text(let bytes):
      do throws(RealtimeFrame.Unreadable) {
        try handle(RealtimeFrame(bytes), now, &actions)
      } catch {
        note(error.oddity, &actions)
      }
    }
    return actions + timeReached(now: now)
  }

  /// Counted each time, told once a connection.
  private mutating func note(_ oddity: RealtimeOddity, _ actions: inout [Action]) {
    statistics.count(oddity)
    if oddity != .lateChange, noticed.insert(oddity).inserted { actions.append(.notice(oddity)) }
  }

  private mutating func handle(
    _ frame: RealtimeFrame, _ now: Duration, _ actions: inout [Action]
  ) throws(RealtimeFrame.Unreadable) {
    if frame.topic == RealtimeMessage.heartbeatTopic {
      guard frame.event == "phx_reply" else { throw .init(oddity: .unknownEvent) }
      if case .open(let number, var heartbeat) = socket {
        _ = heartbeat.replied(ref: frame.ref)
        socket = .open(number, heartbeat)
      }
      return
    }
    guard let index = channels.firstIndex(where: { same($0.topic, frame.topic) }) else {
      guard formerTopics.contains(frame.topic) else { throw .init(oddity: .unknownTopic) }
      return
    }
    switch frame.event {
    case "postgres_changes":
      switch channels[index].changeCame(joinRef: frame.joinRef) {
      case .read(let bindings, let join):
        let change = try frame.change(for: bindings)
        statistics.countChange()
        actions.append(.emit(.change(change, channel: channels[index].feed.name, join: join)))
      case .drop(let oddity): throw .init(oddity: oddity)
      }
    case "phx_reply":
      let limit = reading.time(at: now) + options.subscribeLimit
      switch channels[index].replied(frame, limit: limit, shown: redaction.shown) {
      case .wait, .ignore: break
      case .refused(let end): self.end(index, end, isLeft: true, now, &actions)
      case .end(let end): self.end(index, end, now, &actions)
      }
    case "system":
      guard let message = frame.systemMessage() else {
        throw .init(oddity: .unreadableAnswer)
      }
      let action = channels[index].told(
        message, joinRef: frame.joinRef, now: now, shown: redaction.shown)
      switch action {
      case .subscribed(let join, let isFirst):
        let name = channels[index].feed.name
        actions.append(.emit(.subscribed(channel: name, join: join, isFirst: isFirst)))
      case .end(let end): self.end(index, end, now, &actions)
      case .ignore: break
      }
    case "phx_close", "phx_error":
      let action = channels[index].closed(
        byError: frame.event == "phx_error", joinRef: frame.joinRef, ref: frame.ref)
      switch action {
      case .end(let end): self.end(index, end, isLeft: true, now, &actions)
      case .ignore: break
      }
    // Never asked for; servers before v2.39 send it on every join.
    case "presence_state", "presence_diff": break
    default: throw .init(oddity: .unknownEvent)
    }
  }
}
