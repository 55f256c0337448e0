internal import CWebSockets
internal import Glibc

/// libwebsockets' event loop with one WebSocket on it, which does the handshake, the frames, the pings and TLS.
///
/// All but `wakeUp` belongs to the loop's thread.
@safe final class WebSocketContext: @unchecked Sendable {
  struct Failure {
    /// Of an HTTP answer; 0 if there was none.
    var status: Int
    /// From libwebsockets' fixed list.
    var reason: String
  }

  enum Next {
    case goOn
    /// Send this close frame and wait for the server's.
    case close(code: Int)
    /// End the connection without a word.
    case drop
  }

  enum Written {
    case handed
    /// libwebsockets keeps what the network did not take, and tells with `canWrite` when it has.
    case buffered
    case broken
  }

  static let maximumFieldBytes = 32 << 10
  /// A TLS record has to fit in: what is left in one is looked for even where reading has paused, without end.
  private static let pieceBytes = 64 << 10
  /// Longer than anything here waits: the time limits are not libwebsockets' affair.
  private static let never: UInt32 = 1 << 24

  weak var events: (any WebSocketEvents)?

  /// Held while another thread wakes the context up, so that it is not gone by then.
  private let context = Locked(Context())
  /// Wakes a thread up that has no context any more.
  private let wakeUps = BlockingQueue<Void>()
  private let names: [UnsafeMutablePointer<CChar>?]
  private let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
  private let timer = UnsafeMutablePointer<lws_sorted_usec_list_t>.allocate(capacity: 1)
  private let noPings = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)

  private var polled: OpaquePointer?
  private var host: OpaquePointer?
  private var socket: OpaquePointer?
  private var trust: WebSocketTrust?
  private var fields: [UInt8] = []

  @safe private struct Context: @unchecked Sendable { var raw: OpaquePointer? }

  /// Once a process: each context that sets TLS up gives OpenSSL a new place for libwebsockets' data, and the
  /// handshakes of the others do not find theirs any more.
  private static let isReady: Bool = {
    lws_set_log_level(0, nil)
    var info = unsafe lws_context_creation_info()
    unsafe info.port = CONTEXT_PORT_NO_LISTEN
    unsafe info.fd_limit_per_thread = 8
    unsafe info.options = UInt64(
      LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
    guard let raw = unsafe lws_create_context(&info) else { return false }
    unsafe lws_context_destroy(raw)
    return true
  }()

  init(_ place: HTTPPlace) throws(WebSocketError) {
    unsafe names = [strdup("websocket"), strdup("")]
    unsafe protocols.initialize(repeating: lws_protocols(), count: 2)
    unsafe protocols[0].name = UnsafePointer(names[0])
    unsafe protocols[0].rx_buffer_size = Self.pieceBytes
    unsafe protocols[0].callback = { wsi, reason, user, bytes, count in
      unsafe WebSocketContext.dispatch(reason, wsi, user, bytes, count)
    }
    unsafe timer.initialize(to: lws_sorted_usec_list_t())
    unsafe noPings.initialize(to: lws_retry_bo_t())

    guard Self.isReady else { throw .noContext(place) }
    var info = unsafe self.info
    guard let raw = unsafe lws_create_context(&info) else { throw .noContext(place) }
    unsafe polled = raw
    context.withLock { unsafe $0.raw = raw }
  }

  deinit {
    destroy()
    for index in unsafe names.indices { unsafe free(names[index]) }
    unsafe protocols.deallocate()
    unsafe timer.deallocate()
    unsafe noPings.deallocate()
  }

  private var info: lws_context_creation_info {
    var info = unsafe lws_context_creation_info()
    unsafe info.port = CONTEXT_PORT_NO_LISTEN
    unsafe info.protocols = UnsafePointer(protocols)
    unsafe info.options = UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS)
    // The event pipe and the connection, and some that newer versions open for themselves.
    unsafe info.fd_limit_per_thread = 8
    unsafe info.pt_serv_buf_size = UInt32(Self.pieceBytes + Int(LWS_WRITE_PADDING))
    unsafe info.max_http_header_data2 = 32 << 10
    // An empty one, or libwebsockets would look for one by rules of its own.
    unsafe info.http_proxy_address = UnsafePointer(names[1])
    unsafe info.timeout_secs = Self.never
    unsafe info.connect_timeout_secs = Self.never
    unsafe info.user = Unmanaged.passUnretained(self).toOpaque()
    return unsafe info
  }

  func wakeUp() {
    let isAwake = context.withLock { context in
      guard let raw = unsafe context.raw else { return false }
      unsafe lws_cancel_service(raw)
      return true
    }
    if !isAwake { _ = wakeUps.push(()) }
  }

  /// Returns when something has happened, when woken up, or at the deadline.
  func wait(until deadline: ContinuousClock.Instant?, atOnce: Bool) {
    guard let raw = unsafe polled else {
      if !atOnce { _ = wakeUps.pop() }
      return
    }
    if let deadline {
      // One more, or the last fraction of a millisecond would be waited for in a busy loop.
      let left = max(0, ContinuousClock.now.duration(to: deadline).milliseconds) + 1
      unsafe lws_sul_schedule(raw, 0, timer, { _ in }, lws_usec_t(left) * 1_000)
    } else {
      unsafe lws_sul_cancel(timer)
    }
    _ = unsafe lws_service(raw, atOnce ? -1 : 0)
  }

  /// Ends whatever there is. Not from within an event. May be called twice.
  func destroy() {
    let raw = unsafe context.withLock { context in
      defer { unsafe context.raw = nil }
      return unsafe context.raw
    }
    guard let raw = unsafe raw else { return }
    // A wake-up that the context has not seen yet goes with it.
    _ = wakeUps.push(())
    events = nil
    unsafe lws_sul_cancel(timer)
    unsafe lws_context_destroy(raw)
    unsafe (polled, host, socket) = (nil, nil, nil)
    trust = nil
  }

  /// Says how to connect; before the first `connect`.
  func prepare(_ place: HTTPPlace, caFile: String?, fields: [UInt8]) throws(WebSocketError) {
    guard let raw = unsafe polled else { throw .noContext(place) }
    self.fields = fields
    var info = unsafe self.info
    if place.isSecure {
      let trust = try WebSocketTrust(place, caFile: caFile)
      self.trust = trust
      unsafe info.provided_client_ssl_ctx = trust.context
      unsafe info.options |= UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
    }
    guard let host = unsafe lws_create_vhost(raw, &info) else { throw .noContext(place) }
    unsafe self.host = host
  }

  /// Begins an attempt; false where it has failed already. Not from within an event.
  /// - Parameter proxy: `host:port` with a numeric host, perhaps with `user:password@` before.
  func connect(
    _ head: WebSocketRequestHead, to address: String, port: Int, proxy: String?, isSecure: Bool
  ) -> Bool {
    guard let raw = unsafe polled, let host = unsafe host else { return false }
    if let proxy, unsafe lws_set_proxy(host, proxy) != 0 { return false }
    let texts = unsafe [strdup(address), strdup(head.host), strdup(head.target)]
    defer { for index in unsafe texts.indices { unsafe free(texts[index]) } }
    var info = unsafe lws_client_connect_info()
    unsafe info.context = raw
    unsafe info.vhost = host
    unsafe info.address = UnsafePointer(texts[0])
    unsafe info.port = Int32(port)
    unsafe info.host = UnsafePointer(texts[1])
    unsafe info.path = UnsafePointer(texts[2])
    unsafe info.local_protocol_name = UnsafePointer(names[0])
    unsafe info.retry_and_idle_policy = UnsafePointer(noPings)
    let flags =
      LCCSCF_HTTP_NO_FOLLOW_REDIRECT.rawValue | (isSecure ? LCCSCF_USE_SSL.rawValue : 0)
    unsafe info.ssl_connection = Int32(flags)
    guard let socket = unsafe lws_client_connect_via_info(&info) else { return false }
    unsafe self.socket = socket
    return true
  }

  /// `failed` is called, unless the attempt is over. Not from within an event.
  func abandon() {
    guard let socket = unsafe socket else { return }
    unsafe lws_set_timeout(socket, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC)
  }

  /// What TLS has to say about a failure.
  func securityFailure(_ place: HTTPPlace, _ failure: Failure) -> WebSocketError? {
    trust?.failure(place, failure.reason)
  }

  func askToWrite() {
    if let socket = unsafe socket { unsafe lws_callback_on_writable(socket) }
  }

  /// Once in each `canWrite`.
  func write(_ text: [UInt8]) -> Written {
    guard let socket = unsafe socket else { return .broken }
    // libwebsockets writes the head before the payload, and masks in place.
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(LWS_WRITE_PADDING) + text.count, alignment: 16)
    defer { unsafe buffer.deallocate() }
    let payload = unsafe UnsafeMutableRawBufferPointer(
      rebasing: buffer[Int(LWS_WRITE_PADDING)...])
    unsafe payload.copyBytes(from: text)
    guard let start = buffer.baseAddress else { return .broken }
    let bytes = unsafe (start + Int(LWS_WRITE_PADDING)).assumingMemoryBound(to: UInt8.self)
    guard unsafe lws_write(socket, bytes, text.count, LWS_WRITE_TEXT) >= 0 else { return .broken }
    return unsafe lws_partial_buffered(socket) == 0 ? .handed : .buffered
  }

  func setReading(_ isReading: Bool) {
    if let socket = unsafe socket { _ = unsafe lws_rx_flow_control(socket, isReading ? 1 : 0) }
  }
}

extension WebSocketContext {
  fileprivate static func dispatch(
    _ reason: lws_callback_reasons, _ wsi: OpaquePointer?, _ user: UnsafeMutableRawPointer?,
    _ input: UnsafeMutableRawPointer?, _ count: Int
  ) -> Int32 {
    guard let wsi = unsafe wsi, let context = unsafe lws_get_context(wsi),
      let owner = unsafe lws_context_user(context)
    else { return 0 }
    let owned = unsafe Unmanaged<WebSocketContext>.fromOpaque(owner).takeUnretainedValue()
    return unsafe owned.happened(reason, wsi, user, input, count)
  }

  private func happened(
    _ reason: lws_callback_reasons, _ wsi: OpaquePointer, _ user: UnsafeMutableRawPointer?,
    _ input: UnsafeMutableRawPointer?, _ count: Int
  ) -> Int32 {
    switch reason {
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
      if count == 0, let store = unsafe user { unsafe trust?.refused(OpaquePointer(store)) }
    case LWS_CALLBACK_WSI_CREATE:
      unsafe socket = wsi
      events?.connected()
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      return unsafe append(to: input, room: count)
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      unsafe socket = nil
      let reason = unsafe String(
        decoding: UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : count),
        as: UTF8.self)
      let status = unsafe lws_http_client_http_response(wsi)
      events?.failed(Failure(status: Int(status), reason: reason))
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      unsafe socket = wsi
      events?.opened()
    case LWS_CALLBACK_CLIENT_RECEIVE:
      let piece = unsafe IncomingMessage.Piece(
        bytes: Array(UnsafeRawBufferPointer(start: input, count: count)),
        remaining: lws_remaining_packet_payload(wsi), isBinary: lws_frame_is_binary(wsi) != 0,
        isLast: lws_is_final_fragment(wsi) != 0)
      return unsafe follow(events?.received(piece) ?? .drop, wsi)
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return unsafe follow(events?.canWrite() ?? .drop, wsi)
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      let bytes = unsafe UnsafeRawBufferPointer(start: input, count: count)
      events?.closing(code: unsafe count < 2 ? nil : Int(bytes[0]) << 8 | Int(bytes[1]))
    case LWS_CALLBACK_CLIENT_CLOSED:
      unsafe socket = nil
      events?.closed()
    default:
      break
    }
    return 0
  }

  private func follow(_ next: Next, _ wsi: OpaquePointer) -> Int32 {
    switch next {
    case .goOn: return 0
    case .close(let code):
      unsafe lws_close_reason(wsi, lws_close_status(UInt32(code)), nil, 0)
      return -1
    case .drop: return -1
    }
  }

  /// `position` points to where the next line of the request goes.
  private func append(to position: UnsafeMutableRawPointer?, room: Int) -> Int32 {
    guard let position = unsafe position, fields.count <= room else { return -1 }
    let next = unsafe position.assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    unsafe next.pointee.copyMemory(from: fields, byteCount: fields.count)
    unsafe next.pointee += fields.count
    return 0
  }
}
