internal import CCurl
internal import Glibc

/// One request and its answer so far: sole owner of one easy handle. Belongs to the loop's thread.
@safe final class CurlTransfer {
  let place: HTTPPlace
  let timeLimit: Duration
  let raw: UnsafeMutableRawPointer

  private let configuration: HTTPClient.Configuration
  private let upload: [UInt8]
  private var uploaded = 0
  private var head = AnswerHead()
  private var answer: [UInt8] = []
  private let limit: Int
  private var isTooLarge = false
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let detail = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  init(
    _ request: HTTPRequest, to place: HTTPPlace, _ configuration: HTTPClient.Configuration
  ) throws(HTTPError) {
    guard let raw = unsafe curl_easy_init() else {
      throw HTTPError(.other, "libcurl has no memory for the request to \(place).")
    }
    unsafe self.raw = raw
    self.place = place
    self.configuration = configuration
    timeLimit = min(request.timeLimit, .seconds(1 << 32))
    limit = request.maximumAnswerBytes
    upload = request.body ?? []
    unsafe detail.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))

    try setConnection()
    try setRequest(request)
    try setCallbacks()
  }

  deinit {
    unsafe curl_easy_cleanup(raw)
    unsafe curl_slist_free_all(headerList)
    unsafe detail.deallocate()
  }

  /// Puts the number on the handle by which `id(of:)` finds it again.
  func mark(_ id: Int) -> CURLcode {
    unsafe curl_easy_setopt_pointer(raw, CURLOPT_PRIVATE, UnsafeMutableRawPointer(bitPattern: id))
  }

  static func id(of handle: UnsafeMutableRawPointer?) -> Int {
    var value: UnsafeMutableRawPointer?
    unsafe curl_easy_getinfo_pointer(handle, CURLINFO_PRIVATE, &value)
    return Int(bitPattern: value)
  }

  /// The answer or what went wrong, once libcurl has reported `code`.
  func outcome(_ code: CURLcode) -> CurlMulti.Outcome {
    if isTooLarge { return .failure(.answerTooLarge(place, limit: limit)) }
    guard code == CURLE_OK else {
      let failure = CurlFailure(
        code: code, detail: unsafe String(cString: detail),
        systemError: Int32(truncatingIfNeeded: long(CURLINFO_OS_ERRNO)),
        wasConnected: offset(CURLINFO_PRETRANSFER_TIME_T) > 0)
      return .failure(failure.error(place, configuration))
    }
    let status = long(CURLINFO_RESPONSE_CODE)
    // libcurl takes a connection that ends within the head for the end of an answer.
    guard head.isComplete, status >= 200 else {
      return .failure(CurlFailure(code: CURLE_PARTIAL_FILE).error(place, configuration))
    }
    return .success(HTTPAnswer(status: status, headers: head.headers, body: answer))
  }

  var traffic: (connections: Int, sent: Int, received: Int) {
    (
      long(CURLINFO_NUM_CONNECTS),
      long(CURLINFO_REQUEST_SIZE) + offset(CURLINFO_SIZE_UPLOAD_T),
      long(CURLINFO_HEADER_SIZE) + offset(CURLINFO_SIZE_DOWNLOAD_T)
    )
  }

  // MARK: - Options

  private func setConnection() throws(HTTPError) {
    try set(CURLOPT_NOSIGNAL, 1)
    try check(unsafe curl_easy_never_wait_for_resolver(raw))
    try check(unsafe curl_easy_allow_http_only(raw))
    try set(CURLOPT_FOLLOWLOCATION, 0)
    try set(CURLOPT_NETRC, 0)
    try set(CURLOPT_SSL_VERIFYPEER, 1)
    try set(CURLOPT_SSL_VERIFYHOST, 2)
    if let file = configuration.caFile { try set(CURLOPT_CAINFO, file) }
    if place.isLoopback { try set(CURLOPT_PROXY, "") }
    try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    // Without TLS a request would wait for another's answer to learn whether HTTP/2 is spoken; it never is.
    let mayShare = place.isSecure && configuration.offersHTTP2
    try set(
      CURLOPT_HTTP_VERSION, Int(mayShare ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
    try set(CURLOPT_PIPEWAIT, mayShare ? 1 : 0)
    try set(CURLOPT_TCP_KEEPALIVE, 1)
    // PostgREST's own server closes connections that were idle for 30 s.
    try set(CURLOPT_MAXAGE_CONN, 25)
    try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, configuration.connectLimit.milliseconds))
    try set(CURLOPT_LOW_SPEED_LIMIT, 1)
    try set(CURLOPT_LOW_SPEED_TIME, max(1, configuration.stallLimit.milliseconds / 1_000))
    try set(CURLOPT_BUFFERSIZE, 64 << 10)
  }

  private func setRequest(_ request: HTTPRequest) throws(HTTPError) {
    guard Self.isToken(request.method) else {
      throw HTTPError(.other, "A request to \(place) has an unusable method.")
    }
    try set(CURLOPT_URL, request.url)
    try set(CURLOPT_PATH_AS_IS, 1)
    try set(CURLOPT_ACCEPT_ENCODING, "")
    try set(CURLOPT_USERAGENT, configuration.userAgent)
    try set(CURLOPT_CUSTOMREQUEST, request.method)
    if request.method == "HEAD" {
      try set(CURLOPT_NOBODY, 1)
    } else if request.body != nil || ["POST", "PUT", "PATCH"].contains(request.method) {
      // No fields, but a read callback: the way to send a body with any method without its being copied.
      try check(unsafe curl_easy_setopt_pointer(raw, CURLOPT_POSTFIELDS, nil))
      try check(
        unsafe curl_easy_setopt_off(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(upload.count)))
    }
    // libcurl's own fields: the first would cost a round trip, the second would be a lie.
    try add("Expect:")
    if request.headers["content-type"] == nil { try add("Content-Type:") }
    for field in request.headers.fields {
      guard Self.isToken(field.name), !field.value.utf8.contains(where: { $0 < 0x20 && $0 != 9 })
      else { throw HTTPError(.other, "A request to \(place) has an unusable header field.") }
      // Only with a semicolon is a field without a value sent.
      try add(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
    }
    try check(unsafe curl_easy_setopt_pointer(raw, CURLOPT_HTTPHEADER, headerList))
  }

  private func setCallbacks() throws(HTTPError) {
    // Unretained: `CurlMulti` holds the transfer for as long as libcurl may call back.
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    for option in [
      CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA, CURLOPT_SEEKDATA,
    ] {
      try check(unsafe curl_easy_setopt_pointer(raw, option, context))
    }
    try check(unsafe curl_easy_setopt_pointer(raw, CURLOPT_ERRORBUFFER, detail))
    try check(
      unsafe curl_easy_setopt_write(raw, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
        unsafe CurlTransfer.of(context).receive(
          UnsafeRawBufferPointer(start: bytes, count: size * count))
      })
    try check(
      unsafe curl_easy_setopt_write(raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
        unsafe CurlTransfer.of(context).receiveHead(
          UnsafeRawBufferPointer(start: bytes, count: size * count))
      })
    try check(
      unsafe curl_easy_setopt_write(raw, CURLOPT_READFUNCTION) { bytes, size, count, context in
        unsafe CurlTransfer.of(context).fill(
          UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
      })
    try check(
      unsafe curl_easy_setopt_seek(raw) { context, position, origin in
        unsafe CurlTransfer.of(context).seek(position, origin)
      })
  }

  private func set(_ option: CURLoption, _ value: Int) throws(HTTPError) {
    try check(unsafe curl_easy_setopt_long(raw, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) throws(HTTPError) {
    try check(unsafe curl_easy_setopt_string(raw, option, value))
  }

  private func add(_ line: String) throws(HTTPError) {
    guard let list = unsafe curl_slist_append(headerList, line) else {
      throw HTTPError(.other, "libcurl has no memory for the request to \(place).")
    }
    unsafe headerList = list
  }

  private func check(_ code: CURLcode) throws(HTTPError) {
    guard code != CURLE_OK else { return }
    throw CurlFailure(code: code).error(place, configuration)
  }

  /// RFC 9110's token, near enough to keep line breaks, blanks and colons out.
  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A && $0 != 0x3B }
  }

  // MARK: - Callbacks

  private static func of(_ context: UnsafeMutableRawPointer?) -> CurlTransfer {
    guard let context = unsafe context else {
      preconditionFailure("a callback without its transfer")
    }
    return unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  }

  /// How many bytes were taken; fewer than came ends the transfer.
  private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
    if answer.isEmpty, let length = head.contentLength {
      guard length <= limit || head.headers["content-encoding"] != nil else {
        isTooLarge = true
        return 0
      }
      // A promise is cheap: beyond some megabytes the array grows by what really comes.
      answer.reserveCapacity(min(length, 16 << 20))
    }
    guard bytes.count <= limit - answer.count else {
      isTooLarge = true
      return 0
    }
    unsafe answer.append(contentsOf: bytes.assumingMemoryBound(to: UInt8.self))
    return bytes.count
  }

  private func receiveHead(_ line: UnsafeRawBufferPointer) -> Int {
    guard unsafe head.take(line) else {
      isTooLarge = true
      return 0
    }
    return line.count
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, upload.count - uploaded)
    unsafe upload.withUnsafeBytes { bytes in
      unsafe buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[uploaded..<uploaded + count]))
    }
    uploaded += count
    return count
  }

  /// libcurl rewinds to send a body again when a kept-alive connection turned out closed.
  private func seek(_ position: curl_off_t, _ origin: Int32) -> Int32 {
    guard origin == SEEK_SET, position >= 0, position <= upload.count else {
      return CURL_SEEKFUNC_FAIL
    }
    uploaded = Int(position)
    return CURL_SEEKFUNC_OK
  }

  private func long(_ info: CURLINFO) -> Int {
    var value = 0
    unsafe curl_easy_getinfo_long(raw, info, &value)
    return value
  }

  private func offset(_ info: CURLINFO) -> Int {
    var value: curl_off_t = 0
    unsafe curl_easy_getinfo_off(raw, info, &value)
    return Int(value)
  }
}
