internal import CCurl

/// A connection of bytes, with TLS where the place is secure, made by libcurl: so names are resolved on a thread of
/// libcurl's own, several addresses are tried side by side, and certificates, authorities and proxies are treated as
/// in every request.
///
/// One multi handle each, because another connection's start looks through the handle's idle ones and closes what
/// it takes for dead. All but `wakeUp` belongs to the loop's thread.
@safe final class CurlStream: @unchecked Sendable {
  enum Progress {
    case pending
    case connected
    case failed(HTTPError)
  }

  enum Transfer {
    case moved(Int)
    /// Not now.
    case nothing
    /// The peer has ended the connection, or it is broken.
    case ended
  }

  private let multi: UnsafeMutableRawPointer
  private var easy: UnsafeMutableRawPointer?
  private var socket = CURL_SOCKET_BAD
  private let detail = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var place: HTTPPlace?
  private var configuration = HTTPClient.Configuration()

  init() {
    precondition(CurlMulti.initialized == CURLE_OK, "libcurl could not be set up")
    guard let multi = unsafe curl_multi_init() else { preconditionFailure("out of memory") }
    unsafe self.multi = multi
    unsafe detail.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    drop()
    _ = unsafe curl_multi_cleanup(multi)
    unsafe detail.deallocate()
  }

  func wakeUp() { _ = unsafe curl_multi_wakeup(multi) }

  /// Starts to connect; the limit is for libcurl to share out among the addresses.
  func begin(_ address: WebSocketAddress, caFile: String?, limit: Duration) throws(HTTPError) {
    place = address.place
    configuration.caFile = caFile
    configuration.connectLimit = limit
    guard let easy = unsafe curl_easy_init() else {
      throw HTTPError(.other, "libcurl has no memory for the WebSocket to \(address.place).")
    }
    unsafe self.easy = easy
    try check(unsafe curl_easy_setopt_pointer(easy, CURLOPT_ERRORBUFFER, detail))
    try check(unsafe curl_easy_never_wait_for_resolver(easy))
    try check(unsafe curl_easy_allow_http_only(easy))
    try set(CURLOPT_URL, address.origin)
    try set(CURLOPT_CONNECT_ONLY, 1)
    try set(CURLOPT_HTTPPROXYTUNNEL, 1)
    if address.place.isLoopback { try set(CURLOPT_PROXY, "") }
    // HTTP/2 must not be offered: the upgrade is HTTP/1.1's.
    try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    try set(CURLOPT_NOSIGNAL, 1)
    try set(CURLOPT_NETRC, 0)
    try set(CURLOPT_SSL_VERIFYPEER, 1)
    try set(CURLOPT_SSL_VERIFYHOST, 2)
    if let caFile { try set(CURLOPT_CAINFO, caFile) }
    try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, min(limit, .seconds(1 << 20)).milliseconds))
    guard unsafe curl_multi_add_handle(multi, easy) == CURLM_OK else {
      throw HTTPError(.other, "The WebSocket to \(address.place) could not be begun.")
    }
  }

  /// Goes on with connecting.
  func progress() -> Progress {
    var running: Int32 = 0
    guard unsafe curl_multi_perform(multi, &running) == CURLM_OK else {
      return .failed(failure(CURLE_FAILED_INIT))
    }
    var queued: Int32 = 0
    while let message = unsafe curl_multi_info_read(multi, &queued) {
      guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
      let code = unsafe message.pointee.data.result
      guard code == CURLE_OK else { return .failed(failure(code)) }
      guard unsafe curl_easy_getinfo_socket(easy, &socket) == CURLE_OK, socket != CURL_SOCKET_BAD
      else { return .failed(failure(CURLE_COULDNT_CONNECT)) }
      return .connected
    }
    return .pending
  }

  func read(into buffer: inout [UInt8]) -> Transfer {
    var count = 0
    let code = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe curl_easy_recv(easy, bytes.baseAddress, bytes.count, &count)
    }
    if code == CURLE_AGAIN { return .nothing }
    return code == CURLE_OK && count > 0 ? .moved(count) : .ended
  }

  /// After `.nothing` the same array must be offered again from the same place: TLS may have taken a record of
  /// it that it has not sent.
  func write(_ bytes: [UInt8], from start: Int) -> Transfer {
    var count = 0
    let code = unsafe bytes.withUnsafeBytes { bytes in
      let piece = unsafe UnsafeRawBufferPointer(
        rebasing: bytes[start..<min(bytes.count, start + 64 << 10)])
      return unsafe curl_easy_send(easy, piece.baseAddress, piece.count, &count)
    }
    if code == CURLE_AGAIN { return .nothing }
    return code == CURLE_OK ? .moved(count) : .ended
  }

  /// Returns when there may be progress, when woken up, or after so many milliseconds. A connection that neither
  /// reads nor writes is not looked at, or its end would wake the thread without a pause.
  func wait(timeout: Int32, reading: Bool, writing: Bool) {
    let events =
      (reading ? Int16(CURL_WAIT_POLLIN) : 0) | (writing ? Int16(CURL_WAIT_POLLOUT) : 0)
    var descriptor = curl_waitfd()
    descriptor.fd = socket
    descriptor.events = events
    let count: UInt32 = socket == CURL_SOCKET_BAD || events == 0 ? 0 : 1
    _ = unsafe curl_multi_poll(multi, &descriptor, count, timeout, nil)
  }

  /// Ends the connection, or the attempt. May be called twice.
  func drop() {
    guard let easy = unsafe easy else { return }
    unsafe curl_multi_remove_handle(multi, easy)
    unsafe curl_easy_cleanup(easy)
    unsafe self.easy = nil
    socket = CURL_SOCKET_BAD
  }

  private func set(_ option: CURLoption, _ value: Int) throws(HTTPError) {
    try check(unsafe curl_easy_setopt_long(easy, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) throws(HTTPError) {
    try check(unsafe curl_easy_setopt_string(easy, option, value))
  }

  private func check(_ code: CURLcode) throws(HTTPError) {
    if code != CURLE_OK { throw failure(code) }
  }

  private func failure(_ code: CURLcode) -> HTTPError {
    guard let place else { return .unusableURL }
    var systemError = 0
    unsafe curl_easy_getinfo_long(easy, CURLINFO_OS_ERRNO, &systemError)
    return CurlFailure(
      code: code, detail: unsafe String(cString: detail),
      systemError: Int32(truncatingIfNeeded: systemError)
    ).error(place, configuration)
  }
}
