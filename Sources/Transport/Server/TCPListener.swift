import CWebSockets
import Glibc

/// Why a server could not be started.
package struct ServerError: Error, Hashable, Sendable, CustomStringConvertible {
  package var description: String
}

/// What happens on the connections of a `TCPListener`; called on its loop's thread only.
protocol TCPReceiver: AnyObject, Sendable {
  func opened(_ socket: TCPSocket)
  func received(_ bytes: [UInt8], on socket: TCPSocket)
  /// A write that was asked for is possible now. False closes the connection at once.
  func canWrite(on socket: TCPSocket) -> Bool
  /// The last call for this socket.
  func closed(_ socket: TCPSocket)
}

/// Raw TCP connections on 127.0.0.1, accepted and polled by libwebsockets. Its own HTTP parser is not in
/// the way: that one decodes targets and drops headers.
@safe final class TCPListener: EventSource, @unchecked Sendable {
  private(set) var port = 0
  /// Read and written in pieces of this many bytes.
  private static let pieceBytes = 256 << 10

  /// Held while another thread wakes the context up, so that it is not gone by then.
  private let context = Locked(Context())
  private let receiverSlot = Locked<(any TCPReceiver)?>(nil)
  private let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
  private let names: [UnsafeMutablePointer<CChar>?]
  private let staging = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Int(LWS_WRITE_PADDING) + pieceBytes, alignment: 16)

  // Of the loop's thread alone.
  private var receiver: (any TCPReceiver)?
  private var polled: OpaquePointer?
  private var lastID = 0

  @safe private struct Context: @unchecked Sendable { var raw: OpaquePointer? }

  /// Listens at once, but accepts only when a loop polls and there is a receiver. Port 0: any free one.
  init(port wanted: Int) throws(ServerError) {
    lws_set_log_level(0, nil)
    unsafe names = [strdup("tcp"), strdup("raw-skt"), strdup("127.0.0.1")]
    unsafe protocols.initialize(repeating: lws_protocols(), count: 2)
    unsafe protocols[0].name = UnsafePointer(names[0])
    unsafe protocols[0].rx_buffer_size = Self.pieceBytes
    unsafe protocols[0].callback = { wsi, reason, _, bytes, count in
      unsafe TCPListener.dispatch(reason, wsi, UnsafeRawBufferPointer(start: bytes, count: count))
    }

    var info = unsafe lws_context_creation_info()
    unsafe info.port = Int32(wanted)
    unsafe info.iface = UnsafePointer(names[2])
    unsafe info.protocols = UnsafePointer(protocols)
    unsafe info.listen_accept_role = UnsafePointer(names[1])
    unsafe info.listen_accept_protocol = UnsafePointer(names[0])
    unsafe info.options = UInt64(
      LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG | LWS_SERVER_OPTION_EXPLICIT_VHOSTS
        | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND)
    unsafe info.pt_serv_buf_size = UInt32(Self.pieceBytes)
    unsafe info.user = Unmanaged.passUnretained(self).toOpaque()

    guard let raw = unsafe lws_create_context(&info) else {
      throw ServerError(description: "libwebsockets could not be set up")
    }
    guard let host = unsafe lws_create_vhost(raw, &info) else {
      unsafe lws_context_destroy(raw)
      throw ServerError(description: "cannot listen on 127.0.0.1:\(wanted)")
    }
    unsafe port = Int(lws_get_vhost_listen_port(host))
    context.withLock { unsafe $0.raw = raw }
  }

  deinit {
    if let raw = unsafe context.withLock({ unsafe $0.raw }) { unsafe lws_context_destroy(raw) }
    for index in unsafe names.indices { unsafe free(names[index]) }
    unsafe protocols.deallocate()
    unsafe staging.deallocate()
  }

  /// From now on connections are accepted. The receiver is kept until `close`.
  func begin(_ receiver: any TCPReceiver) {
    receiverSlot.withLock { $0 = receiver }
  }

  /// Closes the listening socket and every connection, telling the receiver. On the loop's thread; the loop
  /// must be stopped before it polls again.
  func close() {
    let raw = unsafe context.withLock { context in
      defer { unsafe context.raw = nil }
      return unsafe context.raw
    }
    if let raw = unsafe raw { unsafe lws_context_destroy(raw) }
    unsafe polled = nil
    receiver = nil
    receiverSlot.withLock { $0 = nil }
  }

  /// The time limit is libwebsockets' own: it sleeps until there is an event or a wake-up.
  func poll(timeout: Int32) {
    if receiver == nil {
      receiver = receiverSlot.withLock { $0 }
      unsafe polled = context.withLock { unsafe $0.raw }
    }
    guard receiver != nil, let raw = unsafe polled else {
      // The loop's thread came up before `begin`, which follows within microseconds.
      sched_yield()
      return
    }
    _ = unsafe lws_service(raw, timeout)
  }

  func wakeUp() {
    context.withLock { context in
      if let raw = unsafe context.raw { unsafe lws_cancel_service(raw) }
    }
  }

  /// Sends what fits into one piece; what the kernel does not take now, libwebsockets keeps and sends before
  /// it tells of another possible write.
  fileprivate func write(_ output: inout OutputQueue, to wsi: OpaquePointer) -> Bool {
    let room = unsafe UnsafeMutableRawBufferPointer(
      rebasing: staging[Int(LWS_WRITE_PADDING)...])
    let count = unsafe output.fill(room)
    guard count > 0, let start = room.baseAddress else { return true }
    let bytes = unsafe start.assumingMemoryBound(to: UInt8.self)
    return unsafe lws_write(wsi, bytes, count, LWS_WRITE_HTTP) >= 0
  }

  private static func dispatch(
    _ reason: lws_callback_reasons, _ wsi: OpaquePointer?, _ bytes: UnsafeRawBufferPointer
  ) -> Int32 {
    switch reason {
    case LWS_CALLBACK_RAW_ADOPT, LWS_CALLBACK_RAW_RX, LWS_CALLBACK_RAW_WRITEABLE,
      LWS_CALLBACK_RAW_CLOSE:
      break
    default:
      return 0
    }
    guard let wsi = unsafe wsi, let context = unsafe lws_get_context(wsi),
      let user = unsafe lws_context_user(context)
    else { return 0 }
    let listener = unsafe Unmanaged<TCPListener>.fromOpaque(user).takeUnretainedValue()
    return unsafe listener.happened(reason, wsi, bytes)
  }

  private func happened(
    _ reason: lws_callback_reasons, _ wsi: OpaquePointer, _ bytes: UnsafeRawBufferPointer
  ) -> Int32 {
    guard let receiver else { return -1 }
    if reason == LWS_CALLBACK_RAW_ADOPT {
      lastID += 1
      unsafe lws_set_opaque_user_data(wsi, UnsafeMutableRawPointer(bitPattern: lastID))
      unsafe receiver.opened(TCPSocket(id: lastID, wsi: wsi, listener: self))
      return 0
    }
    let id = unsafe Int(bitPattern: lws_get_opaque_user_data(wsi))
    guard id > 0 else { return -1 }
    let socket = unsafe TCPSocket(id: id, wsi: wsi, listener: self)
    switch reason {
    case LWS_CALLBACK_RAW_RX:
      unsafe receiver.received(Array(bytes), on: socket)
    case LWS_CALLBACK_RAW_WRITEABLE:
      return receiver.canWrite(on: socket) ? 0 : -1
    default:
      receiver.closed(socket)
    }
    return 0
  }
}

/// One connection of a `TCPListener`. Valid from `opened` until `closed`, on the loop's thread.
@safe struct TCPSocket: @unchecked Sendable {
  /// Never given twice by one listener.
  let id: Int
  private let wsi: OpaquePointer
  private let listener: TCPListener

  fileprivate init(id: Int, wsi: OpaquePointer, listener: TCPListener) {
    self.id = id
    unsafe self.wsi = wsi
    self.listener = listener
  }

  /// `canWrite` will be called, once.
  func askToWrite() { _ = unsafe lws_callback_on_writable(wsi) }

  /// Sends one piece of `output`; call it once in each `canWrite`. False: the connection is broken.
  func write(_ output: inout OutputQueue) -> Bool { unsafe listener.write(&output, to: wsi) }

  func setReading(_ isReading: Bool) { _ = unsafe lws_rx_flow_control(wsi, isReading ? 1 : 0) }

  /// Sends FIN and reads on, for two seconds at most: closing while the peer still sends would reset the
  /// connection and could take away what it has not read yet.
  func finishWriting() {
    unsafe shutdown(lws_get_socket_fd(wsi), Int32(SHUT_WR))
    limitRest(seconds: 2)
  }

  /// The connection is closed after this time, whatever its state. A later limit takes the place of this one.
  func limitRest(seconds: Int32) { unsafe lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, seconds) }

  /// Sends RST: disconnecting a TCP socket does that on Linux, where closing would send FIN before. Return
  /// false from `canWrite` then.
  func reset() {
    var nowhere = sockaddr()
    nowhere.sa_family = sa_family_t(AF_UNSPEC)
    _ = unsafe connect(lws_get_socket_fd(wsi), &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
  }
}
