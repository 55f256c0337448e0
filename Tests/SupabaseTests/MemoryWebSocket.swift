import JSON
import Testing
import Transport

@testable import Supabase

/// The server's side of the WebSocket boundary, in memory: each connection the client opens is handed to the test.
final class MemoryWebSocket: WebSocketTransport {
  private let opened = Mailbox<MemoryConnection>()
  private let refusals: Locked<[WebSocketError]>
  private let asked = Locked<[WebSocketRequest]>([])
  /// The upgrade is never answered.
  let isSilent: Bool

  /// - Parameter refusals: of the first connections, in order.
  init(refusing refusals: [WebSocketError] = [], isSilent: Bool = false) {
    self.refusals = Locked(refusals)
    self.isSilent = isSilent
  }

  var requests: [WebSocketRequest] { asked.withLock { $0 } }

  func connect(_ request: WebSocketRequest) async throws(WebSocketError)
    -> any WebSocketConnection
  {
    asked.withLock { $0.append(request) }
    if isSilent {
      _ = await Mailbox<Int>().take()
      throw WebSocketError(.cancelled, "the connection was given up")
    }
    if let refusal = refusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw refusal }
    let connection = MemoryConnection()
    opened.put(connection)
    return connection
  }

  /// The next connection that the client opened.
  func accept() async throws -> MemoryConnection {
    try #require(await opened.take(), "no connection came")
  }
}

/// One open connection, seen from both ends.
final class MemoryConnection: WebSocketConnection {
  private let toClient = Mailbox<WebSocketMessage>()
  private let toServer = Mailbox<[UInt8]>()
  private let end = Locked<WebSocketError?>(nil)
  private let closes = Locked<[Int]>([])
  private let received = Locked(0)

  // The client's end.

  func receive() async throws(WebSocketError) -> WebSocketMessage {
    guard let message = await toClient.take() else {
      throw end.withLock { $0 } ?? WebSocketError(.cancelled, "the connection was given up")
    }
    received.withLock { $0 += 1 }
    return message
  }

  func send(_ text: [UInt8]) async throws(WebSocketError) {
    if let error = end.withLock({ $0 }) { throw error }
    toServer.put(text)
  }

  func close(code: Int) async {
    closes.withLock { $0.append(code) }
    end.withLock { $0 = $0 ?? WebSocketError(.closed(code: code), "closed") }
    toClient.finish()
    toServer.finish()
  }

  // The server's end.

  func say(_ text: String) { toClient.put(.text(Array(text.utf8))) }

  func end(_ kind: WebSocketError.Kind) {
    end.withLock { $0 = WebSocketError(kind, "memory went away") }
    toClient.finish()
  }

  /// The next message of the client.
  func hear() async throws -> SentMessage {
    SentMessage(try #require(await toServer.take(), "the client closed"))
  }

  /// Until the client has closed.
  func awaitClose() async { while await toServer.take() != nil {} }

  /// Hears a join and answers it; the subscription is confirmed as well.
  func acceptJoin() async throws {
    var join = try await hear()
    while join.event != "phx_join" { join = try await hear() }
    let bindings = join.payload["config"]?["postgres_changes"]?.array ?? []
    let list = bindings.enumerated().map { index, binding in
      #"{"id":\#(101 + index),"schema":"\#(binding["schema"]?.string ?? "")","table":"\#(binding["table"]?.string ?? "")"}"#
    }
    say(
      #"["\#(join.ref)","\#(join.ref)","\#(join.topic)","phx_reply",{"status":"ok","response":{"postgres_changes":[\#(list.joined(separator: ","))]}}]"#
    )
    say(
      #"["\#(join.ref)",null,"\#(join.topic)","system",{"message":"Subscribed to PostgreSQL","status":"ok","extension":"postgres_changes"}]"#
    )
  }

  func insert(_ id: Int, channel: String, table: String = "items") {
    say(
      #"[null,null,"realtime:\#(channel)","postgres_changes",{"ids":[101],"data":{"schema":"public","table":"\#(table)","type":"INSERT","record":{"id":\#(id)}}}]"#
    )
  }

  var codes: [Int] { closes.withLock { $0 } }
  /// Messages that the client has taken.
  var taken: Int { received.withLock { $0 } }
}

/// A queue between tasks; one of them takes.
final class Mailbox<Element: Sendable>: Sendable {
  private let stream: AsyncStream<Element>
  private let continuation: AsyncStream<Element>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func put(_ element: Element) { continuation.yield(element) }
  func finish() { continuation.finish() }

  /// nil when it is finished or the task is cancelled.
  @discardableResult
  func take() async -> Element? {
    for await element in stream { return element }
    return nil
  }
}

/// A clock that the test moves; sleepers wait until it is moved past their moment.
final class SteppedClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration = .zero
    func advanced(by duration: Duration) -> Self { Self(offset: offset + duration) }
    func duration(to other: Self) -> Duration { other.offset - offset }
    static func < (left: Self, right: Self) -> Bool { left.offset < right.offset }
  }

  private struct State {
    var now = Instant()
    var nextID = 0
    var sleepers: [Int: (deadline: Instant, continuation: CheckedContinuation<Void, any Error>)] =
      [:]
    var cancelled: Set<Int> = []
  }

  private let state = Locked(State())

  var now: Instant { state.withLock { $0.now } }
  var minimumResolution: Duration { .zero }

  func advance(by duration: Duration) {
    let due = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      let due = state.sleepers.filter { $0.value.deadline <= state.now }
      for id in due.keys { state.sleepers[id] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in due { continuation.resume() }
  }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
          if deadline <= state.now { return .success(()) }
          state.sleepers[id] = (deadline, continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        let sleeper = state.sleepers.removeValue(forKey: id)
        if sleeper == nil { state.cancelled.insert(id) }
        return sleeper
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }
}
