/// Finds the requests in the bytes of one connection: HTTP/1.1 and 1.0, strict about where a request ends,
/// tolerant about the rest (a bare LF ends a line, any method, any target, a header line without a colon).
///
/// Bytes are appended as they come, in pieces of any size; `next` is called until it has nothing more.
/// After an error the connection is of no use.
struct HTTPRequestParser {
  struct Limits {
    /// Request line and headers, with line ends; PostgREST's HTTP server has the same limit.
    var headBytes = 50 << 10
    var bodyBytes = 256 << 20
  }

  enum Version: Equatable { case http10, http11 }

  /// A request with what its connection has to know.
  struct Request {
    var message: ServerRequest
    var version: Version
    /// The connection is to be closed after the answer.
    var closes: Bool
  }

  enum Step {
    /// More bytes are needed.
    case incomplete
    /// A head without its body: the client waits to be told `100 Continue`. Call `discardBody` if it is
    /// refused; the next step reads the body either way.
    case expectsContinue(Request)
    case request(Request)
  }

  enum Failure: Error { case headTooLarge, bodyTooLarge, malformed }

  private enum State {
    case head
    case body(remaining: Int)
    case chunkSize
    case chunk(remaining: Int)
    case chunkEnd
    case trailers
  }

  private let limits: Limits
  private var state = State.head
  private var input: [UInt8] = []
  /// Everything before it is consumed.
  private var position = 0
  /// There is no line end between `position` and here.
  private var scanned = 0
  /// Of the head, or of the lines between chunks, that is being read.
  private var headBytes = 0
  private var head: Head?
  private var body: [UInt8] = []
  private var discards = false

  init(limits: Limits = Limits()) { self.limits = limits }

  /// Bytes that were appended and not yet consumed.
  var pendingBytes: Int { input.count - position }

  /// What follows the last request, where it is no HTTP any more.
  mutating func takePendingBytes() -> [UInt8] {
    defer { position = input.count }
    return Array(input[position...])
  }

  mutating func append(_ bytes: [UInt8]) {
    if position == input.count {
      input = bytes
    } else {
      if position > 0 { input.removeSubrange(..<position) }
      input.append(contentsOf: bytes)
    }
    scanned -= position
    position = 0
    if scanned < 0 { scanned = 0 }
  }

  /// The body of the request that `expectsContinue` told of is read past and no request comes of it.
  mutating func discardBody() { discards = true }

  mutating func next() throws(Failure) -> Step {
    while true {
      switch state {
      case .head:
        guard let complete = try readHead() else { return .incomplete }
        state = try bodyState(after: complete)
        headBytes = 0
        head = complete
        if case .body(remaining: 0) = state { continue }
        if complete.expectsContinue { return .expectsContinue(complete.request(body: [])) }
      case .body(let remaining):
        let rest = takeBody(remaining)
        state = .body(remaining: rest)
        if rest > 0 { return .incomplete }
        if let request = finish() { return .request(request) }
      case .chunkSize:
        guard let line = try takeLine(else: .malformed) else { return .incomplete }
        let size = try Self.chunkSize(input[line])
        guard size <= limits.bodyBytes - body.count else { throw .bodyTooLarge }
        headBytes = 0
        state = size == 0 ? .trailers : .chunk(remaining: size)
      case .chunk(let remaining):
        let rest = takeBody(remaining)
        state = rest > 0 ? .chunk(remaining: rest) : .chunkEnd
        if rest > 0 { return .incomplete }
      case .chunkEnd:
        guard let line = try takeLine(else: .malformed) else { return .incomplete }
        guard line.isEmpty else { throw .malformed }
        state = .chunkSize
      case .trailers:
        guard let line = try takeLine(else: .headTooLarge) else { return .incomplete }
        if !line.isEmpty {
          // PostgREST's HTTP server takes trailers for the next request and closes; so the answer is
          // the last one here too.
          head?.closes = true
        } else if let request = finish() {
          return .request(request)
        }
      }
    }
  }

  private mutating func readHead() throws(Failure) -> Head? {
    while let line = try takeLine(else: .headTooLarge) {
      if line.isEmpty {
        // Empty lines before a request are skipped.
        guard var complete = head, complete.isOpen else { continue }
        complete.isOpen = false
        return complete
      }
      if head == nil {
        head = try Head(requestLine: input[line])
      } else {
        try head?.addHeader(input[line])
      }
    }
    return nil
  }

  private mutating func bodyState(after head: Head) throws(Failure) -> State {
    if head.isChunked { return .chunkSize }
    let length = try head.contentLength() ?? 0
    guard length <= limits.bodyBytes else { throw .bodyTooLarge }
    // A promise of a large body is not yet one: beyond this the array grows as the bytes come.
    body.reserveCapacity(min(length, 16 << 20))
    return .body(remaining: length)
  }

  /// The next line without its end, consumed.
  private mutating func takeLine(else tooLong: Failure) throws(Failure) -> Range<Int>? {
    while scanned < input.count && input[scanned] != UInt8(ascii: "\n") { scanned += 1 }
    let isComplete = scanned < input.count
    let count = scanned - position + (isComplete ? 1 : 0)
    guard headBytes + count <= limits.headBytes else { throw tooLong }
    guard isComplete else { return nil }
    let start = position
    var end = scanned
    scanned += 1
    position = scanned
    headBytes += count
    if end > start && input[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return start..<end
  }

  /// Moves up to `count` bytes into the body; what is still missing.
  private mutating func takeBody(_ count: Int) -> Int {
    let taken = min(count, pendingBytes)
    if !discards { body.append(contentsOf: input[position..<position + taken]) }
    position += taken
    scanned = position
    return count - taken
  }

  private mutating func finish() -> Request? {
    defer {
      state = .head
      headBytes = 0
      head = nil
      body = []
      discards = false
    }
    return discards ? nil : head?.request(body: body)
  }

  private static func chunkSize(_ line: ArraySlice<UInt8>) throws(Failure) -> Int {
    let digits = String(
      decoding: line.prefix { $0 != UInt8(ascii: ";") && !$0.isBlank }, as: UTF8.self)
    guard digits.count < 16, !digits.hasPrefix("+"), !digits.hasPrefix("-"),
      let size = Int(digits, radix: 16)
    else { throw .malformed }
    return size
  }
}
