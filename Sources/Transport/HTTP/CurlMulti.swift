internal import CCurl

/// libcurl's multi handle: many transfers on one thread, sharing connections.
///
/// All but `wakeUp` and `statistics` belongs to the loop's thread. Time limits are kept here and not by libcurl,
/// which does not count the time a transfer waits for a free connection.
@safe final class CurlMulti: EventSource, @unchecked Sendable {
  typealias Outcome = Result<HTTPAnswer, HTTPError>

  private struct Entry {
    let transfer: CurlTransfer
    let deadline: ContinuousClock.Instant
    let continuation: CheckedContinuation<Outcome, Never>
  }

  let statistics = Locked(HTTPClient.Statistics())
  private let raw: UnsafeMutableRawPointer
  private var entries: [Int: Entry] = [:]
  private var lastID = 0
  /// No deadline is before this instant.
  private var nextDeadline: ContinuousClock.Instant?

  /// Once a process, before the first handle; `let` makes it so for any number of threads.
  private static let initialized: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

  init(connectionsPerHost: Int) {
    precondition(Self.initialized == CURLE_OK, "libcurl could not be set up")
    guard let raw = unsafe curl_multi_init() else { preconditionFailure("out of memory") }
    unsafe self.raw = raw
    unsafe curl_multi_setopt_long(
      raw, CURLMOPT_MAX_HOST_CONNECTIONS, max(1, connectionsPerHost))
    unsafe curl_multi_setopt_long(raw, CURLMOPT_MAXCONNECTS, 4 * max(1, connectionsPerHost))
    unsafe curl_multi_setopt_long(raw, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX)
  }

  deinit { _ = unsafe curl_multi_cleanup(raw) }

  func wakeUp() { _ = unsafe curl_multi_wakeup(raw) }

  func poll(timeout: Int32) {
    failOverdue()
    var running: Int32 = 0
    var code = unsafe curl_multi_perform(raw, &running)
    finishDone()
    if code == CURLM_OK {
      code = unsafe curl_multi_poll(raw, nil, 0, min(timeout, millisecondsToDeadline), nil)
    }
    if code != CURLM_OK { failAll { HTTPError(.other, "The request to \($0) failed in libcurl.") } }
  }

  func end() { failAll(HTTPError.cancelled) }

  func nextID() -> Int {
    lastID += 1
    return lastID
  }

  func begin(
    _ transfer: CurlTransfer, _ id: Int, _ continuation: CheckedContinuation<Outcome, Never>
  ) {
    statistics.withLock { $0.requests += 1 }
    let deadline = ContinuousClock.now.advanced(by: transfer.timeLimit)
    entries[id] = Entry(transfer: transfer, deadline: deadline, continuation: continuation)
    nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline
    guard transfer.mark(id) == CURLE_OK,
      unsafe curl_multi_add_handle(raw, transfer.raw) == CURLM_OK
    else {
      return end(id) { _ in .failure(HTTPError(.other, "The request could not be begun.")) }
    }
  }

  /// Ends the transfer if it still runs.
  func cancel(_ id: Int) {
    end(id) { .failure(.cancelled($0.place)) }
  }

  private func end(_ id: Int, _ outcome: (CurlTransfer) -> Outcome) {
    guard let entry = entries.removeValue(forKey: id) else { return }
    unsafe curl_multi_remove_handle(raw, entry.transfer.raw)
    let outcome = outcome(entry.transfer)
    let traffic = entry.transfer.traffic
    statistics.withLock { statistics in
      if case .failure = outcome { statistics.failures += 1 }
      statistics.connections += traffic.connections
      statistics.bytesSent += traffic.sent
      statistics.bytesReceived += traffic.received
    }
    entry.continuation.resume(returning: outcome)
  }

  private func finishDone() {
    var queued: Int32 = 0
    while let message = unsafe curl_multi_info_read(raw, &queued) {
      guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
      // The message is gone once the handle is removed.
      let code = unsafe message.pointee.data.result
      let id = unsafe CurlTransfer.id(of: message.pointee.easy_handle)
      end(id) { $0.outcome(code) }
    }
  }

  private func failOverdue() {
    guard let nextDeadline else { return }
    let now = ContinuousClock.now
    guard nextDeadline <= now else { return }
    for (id, entry) in entries where entry.deadline <= now {
      end(id) { .failure(.timedOut($0.place, after: $0.timeLimit)) }
    }
    self.nextDeadline = entries.values.lazy.map(\.deadline).min()
  }

  private func failAll(_ error: (HTTPPlace) -> HTTPError) {
    for id in entries.keys.sorted() {
      end(id) { .failure(error($0.place)) }
    }
  }

  private var millisecondsToDeadline: Int32 {
    guard let nextDeadline else { return .max }
    let left = ContinuousClock.now.duration(to: nextDeadline)
    // One more, or the last fraction of a millisecond would be waited for in a busy loop.
    return Int32(clamping: max(0, left.milliseconds + 1))
  }
}

extension Duration {
  /// Whole milliseconds, cut off; no more than fits in a few thousand years.
  var milliseconds: Int {
    let (seconds, attoseconds) = components
    return Int(max(-1 << 40, min(seconds, 1 << 40))) * 1_000
      + Int(attoseconds / 1_000_000_000_000_000)
  }
}
