import Glibc
import Transport

/// A plain TCP client. Every call waits on a thread of its own, so that no thread of the concurrency
/// runtime, which the server's handlers need, is blocked.
struct SocketClient: Sendable {
  enum End: Equatable { case closed, reset }

  private let descriptor: Int32

  init(port: Int, receiveBuffer: Int32? = nil) async {
    descriptor = await onThread {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      if var size = receiveBuffer {
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
      }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
      let code = unsafe withUnsafePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      precondition(code == 0, "connect: \(errno)")
      return descriptor
    }
  }

  func send(_ text: String) async { await send(Array(text.utf8)) }

  /// What the peer does not take any more is dropped.
  func send(_ bytes: [UInt8]) async {
    await onThread {
      var sent = 0
      while sent < bytes.count {
        let count = unsafe bytes.withUnsafeBytes {
          unsafe Glibc.send(
            descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        }
        if count <= 0 { return }
        sent += count
      }
    }
  }

  /// Exactly so many bytes, or fewer where the connection ends before.
  func receive(_ count: Int) async -> [UInt8] { await read(count).bytes }

  func receive(_ text: String) async -> String {
    String(decoding: await receive(text.utf8.count), as: UTF8.self)
  }

  /// What has come when `isWhole` says that it is enough, or when the connection ends.
  func receive(until isWhole: @escaping @Sendable ([UInt8]) -> Bool) async -> [UInt8] {
    await read(.max, until: isWhole).bytes
  }

  /// Everything until the connection ends.
  func receiveAll() async -> (text: String, end: End) {
    let (bytes, end) = await read(.max)
    return (String(decoding: bytes, as: UTF8.self), end ?? .closed)
  }

  /// Bytes or the end of the connection can be had without waiting.
  var hasInput: Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&polled, 1, 0) > 0
  }

  func close() { Glibc.close(descriptor) }

  /// Ends the connection also for a call that waits for bytes.
  func shutDown() { Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }

  private func read(
    _ wanted: Int, until isWhole: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
  ) async -> (bytes: [UInt8], end: End?) {
    await onThread {
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while bytes.count < wanted && !isWhole(bytes) {
        let room = min(buffer.count, wanted - bytes.count)
        let count = unsafe buffer.withUnsafeMutableBytes {
          unsafe recv(descriptor, $0.baseAddress, room, 0)
        }
        if count < 0 { return (bytes, errno == ECONNRESET ? .reset : .closed) }
        if count == 0 { return (bytes, .closed) }
        bytes.append(contentsOf: buffer[..<count])
      }
      return (bytes, nil)
    }
  }
}

private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
  await withCheckedContinuation { continuation in
    startThread { continuation.resume(returning: body()) }
  }
}

/// Something that happens once, waited for.
struct Happening: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func happen() { continuation.finish() }

  /// Returns when it has happened, or when the task is cancelled.
  func wait() async { for await _ in stream {} }
}
