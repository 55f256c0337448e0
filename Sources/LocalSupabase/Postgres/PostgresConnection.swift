import CPostgres
import Glibc

/// One connection to PostgreSQL, through libpq. Every call blocks its thread, so it belongs on a thread of
/// its own: `PostgresPool` has such threads.
@safe package final class PostgresConnection {
  private let raw: OpaquePointer

  /// Connects, or throws what libpq says; waits as long as `connect_timeout` in the DSN allows.
  package init(_ dsn: String) throws(PostgresError) {
    guard let raw = unsafe PQconnectdb(dsn) else {
      throw PostgresError(
        sqlstate: nil, severity: "FATAL", message: "out of memory", isConnectionLost: true)
    }
    guard unsafe PQstatus(raw) == CONNECTION_OK else {
      let message = unsafe Self.text(PQerrorMessage(raw))
      unsafe PQfinish(raw)
      throw PostgresError(
        sqlstate: nil, severity: "FATAL", message: message, isConnectionLost: true)
    }
    unsafe self.raw = raw
    // Notices would go to standard error.
    _ = unsafe PQsetNoticeProcessor(raw, { _, _ in }, nil)
  }

  deinit { unsafe PQfinish(raw) }

  /// The connection broke; nothing will work on it again. Noticed by use, or by `isEndedByServer`.
  package var isLost: Bool { unsafe PQstatus(raw) != CONNECTION_OK }

  /// Looks, without waiting, whether the server ended the connection while nobody used it.
  package var isEndedByServer: Bool {
    var descriptor = pollfd(fd: unsafe PQsocket(raw), events: Int16(POLLIN), revents: 0)
    // The server's last words come first, then the end; each takes a read.
    while !isLost, unsafe poll(&descriptor, 1, 0) == 1 {
      if unsafe PQconsumeInput(raw) == 0 { return true }
    }
    return isLost
  }

  /// A transaction is open, failed or not.
  package var isInTransaction: Bool {
    let status = unsafe PQtransactionStatus(raw)
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
  }

  /// As PostgreSQL counts: 150_004 is 15.4.
  package var serverVersion: Int { unsafe Int(PQserverVersion(raw)) }

  package var backendPID: Int32 { unsafe PQbackendPID(raw) }

  /// Cancels what this connection does, from any thread.
  package func makeCanceller() -> PostgresCanceller { unsafe PostgresCanceller(PQgetCancel(raw)) }

  /// Runs one statement; parameters and cells are text.
  package func execute(_ sql: String, _ parameters: [PostgresParameter] = [])
    throws(PostgresError) -> PostgresResult
  {
    // All text forms stand in one buffer, each with its NUL; JSON is pinned where it is.
    var texts: [UInt8] = []
    var offsets: [Int?] = []
    var bodies: [(index: Int, bytes: [UInt8])] = []
    for (index, parameter) in parameters.enumerated() {
      switch parameter {
      case .null: offsets.append(nil)
      case .text(let text):
        offsets.append(texts.count)
        texts.append(contentsOf: text.utf8)
        texts.append(0)
      case .bytes(let bytes):
        offsets.append(texts.count)
        texts.reserveCapacity(texts.count + bytes.count + 1)
        texts.append(contentsOf: bytes)
        texts.append(0)
      case .json(let bytes):
        offsets.append(nil)
        bodies.append((index, bytes))
      }
    }
    var values = unsafe [UnsafePointer<CChar>?](repeating: nil, count: parameters.count)
    var lengths = [Int32](repeating: 0, count: parameters.count)
    var formats = [Int32](repeating: 0, count: parameters.count)
    var types = [Oid](repeating: 0, count: parameters.count)
    for body in bodies {
      guard let length = Int32(exactly: body.bytes.count) else {
        throw PostgresError(sqlstate: "54000", message: "a parameter of 2 GiB or more")
      }
      lengths[body.index] = length
      formats[body.index] = 1
      types[body.index] = 114
    }
    let result = unsafe texts.withUnsafeBytes { texts in
      for (index, offset) in offsets.enumerated() {
        guard let offset else { continue }
        unsafe values[index] = (texts.baseAddress! + offset).assumingMemoryBound(to: CChar.self)
      }
      return unsafe Self.pinned(bodies[...], &values) { values in
        unsafe PQexecParams(
          raw, sql, Int32(parameters.count), types, values, lengths, formats, 0)
      }
    }
    return try unsafe taken(result)
  }

  /// Runs any number of statements without parameters and gives the last one's result. Unless they open
  /// transactions themselves, all stand or fall together.
  @discardableResult
  package func run(script: String) throws(PostgresError) -> PostgresResult {
    try unsafe taken(PQexec(raw, script))
  }

  /// The next notification of the channels this connection listens to; nil if none came in time.
  package func notification(waitAtMost limit: Duration) throws(PostgresError)
    -> PostgresNotification?
  {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
      if let found = unsafe PQnotifies(raw) {
        defer { unsafe PQfreemem(found) }
        return unsafe PostgresNotification(
          channel: String(cString: found.pointee.relname),
          payload: String(cString: found.pointee.extra))
      }
      let left = clock.now.duration(to: end)
      guard left > .zero else { return nil }
      var descriptor = pollfd(fd: unsafe PQsocket(raw), events: Int16(POLLIN), revents: 0)
      let milliseconds = Int32(clamping: Int64(left / .milliseconds(1)) + 1)
      _ = unsafe poll(&descriptor, 1, milliseconds)
      let isAlive = unsafe PQconsumeInput(raw) == 1
      guard isAlive else {
        throw PostgresError(
          sqlstate: nil, severity: "FATAL", message: unsafe Self.text(PQerrorMessage(raw)),
          isConnectionLost: true)
      }
    }
  }

  /// `text` as a quoted literal, for statements that take no parameters.
  package static func literal(_ text: String) -> String {
    let doubled = text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "''")
    guard doubled.contains("\\") else { return "'\(doubled)'" }
    let escaped = doubled.split(separator: "\\", omittingEmptySubsequences: false)
      .joined(separator: "\\\\")
    return " E'\(escaped)'"
  }

  private static func pinned(
    _ bodies: ArraySlice<(index: Int, bytes: [UInt8])>,
    _ values: inout [UnsafePointer<CChar>?],
    _ call: ([UnsafePointer<CChar>?]) -> OpaquePointer?
  ) -> OpaquePointer? {
    guard let body = bodies.first else { return unsafe call(values) }
    return unsafe body.bytes.withUnsafeBytes { bytes in
      // An empty array may have no address, which would mean NULL.
      let address = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
      guard let address = unsafe address else {
        return unsafe "".withCString { empty in
          unsafe values[body.index] = empty
          return unsafe pinned(bodies.dropFirst(), &values, call)
        }
      }
      unsafe values[body.index] = address
      return unsafe pinned(bodies.dropFirst(), &values, call)
    }
  }

  private func taken(_ result: OpaquePointer?) throws(PostgresError) -> PostgresResult {
    guard let result = unsafe result else {
      throw PostgresError(
        sqlstate: nil, severity: "FATAL", message: unsafe Self.text(PQerrorMessage(raw)),
        isConnectionLost: isLost)
    }
    switch unsafe PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
      return unsafe PostgresResult(result)
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      unsafe PQclear(result)
      throw PostgresError(sqlstate: "0A000", message: "COPY to or from the client is not offered")
    default:
      defer { unsafe PQclear(result) }
      func field(_ code: UInt8) -> String? {
        unsafe PQresultErrorField(result, Int32(code)).map { unsafe String(cString: $0) }
      }
      let whole = unsafe Self.text(PQresultErrorMessage(result))
      // The codes are the PG_DIAG_* characters of postgres_ext.h.
      throw PostgresError(
        sqlstate: field(UInt8(ascii: "C")), severity: field(UInt8(ascii: "V")) ?? "FATAL",
        message: field(UInt8(ascii: "M")) ?? whole,
        detail: field(UInt8(ascii: "D")), hint: field(UInt8(ascii: "H")), isConnectionLost: isLost)
    }
  }

  private static func text(_ message: UnsafePointer<CChar>?) -> String {
    unsafe message.map { unsafe String(cString: $0) } ?? ""
  }
}

/// What a statement gave back. Stays valid when its connection ends; never changes, hence sendable (libpq:
/// "can be passed around freely between threads").
@safe package final class PostgresResult: @unchecked Sendable {
  private let raw: OpaquePointer

  fileprivate init(_ raw: OpaquePointer) { unsafe self.raw = raw }

  deinit { unsafe PQclear(raw) }

  package var rowCount: Int { unsafe Int(PQntuples(raw)) }
  package var columnCount: Int { unsafe Int(PQnfields(raw)) }
  package var columnNames: [String] {
    (0..<columnCount).map { unsafe String(cString: PQfname(raw, Int32($0))) }
  }
  /// How many rows the statement inserted, changed, deleted or selected; 0 where that says nothing.
  package var affectedRows: Int { unsafe Int(String(cString: PQcmdTuples(raw))) ?? 0 }

  /// The type of a column, as `pg_type.oid`.
  package func typeOID(_ column: Int) -> UInt32 {
    precondition((0..<columnCount).contains(column), "column \(column) of \(columnCount)")
    return unsafe PQftype(raw, Int32(column))
  }

  /// One cell as text, nil for NULL.
  package func string(_ row: Int, _ column: Int) -> String? {
    unsafe cell(row, column).map { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// One cell's bytes, copied once, nil for NULL.
  package func bytes(_ row: Int, _ column: Int) -> [UInt8]? {
    unsafe cell(row, column).map { unsafe [UInt8]($0) }
  }

  /// The bytes of a cell, 0 for NULL.
  package func byteCount(_ row: Int, _ column: Int) -> Int {
    unsafe cell(row, column)?.count ?? 0
  }

  /// Every cell as text.
  package var rows: [[String?]] {
    (0..<rowCount).map { row in (0..<columnCount).map { string(row, $0) } }
  }

  private func cell(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer? {
    precondition(
      (0..<rowCount).contains(row) && (0..<columnCount).contains(column),
      "cell \(row), \(column) of \(rowCount) rows and \(columnCount) columns")
    guard unsafe PQgetisnull(raw, Int32(row), Int32(column)) == 0 else { return nil }
    return unsafe UnsafeRawBufferPointer(
      start: PQgetvalue(raw, Int32(row), Int32(column)),
      count: Int(PQgetlength(raw, Int32(row), Int32(column))))
  }
}

/// What `LISTEN` brought.
package struct PostgresNotification: Hashable, Sendable {
  package var channel: String
  package var payload: String

  package init(channel: String, payload: String) {
    self.channel = channel
    self.payload = payload
  }
}

/// Asks the server to cancel what one connection does; may be used from any thread, also when that
/// connection is gone. Never changes, hence sendable.
@safe package final class PostgresCanceller: @unchecked Sendable {
  private let raw: OpaquePointer?

  fileprivate init(_ raw: OpaquePointer?) { unsafe self.raw = raw }

  deinit { unsafe PQfreeCancel(raw) }

  /// Blocks until the server took the request, which may be too late for the statement it was meant for.
  package func cancel() {
    guard let raw = unsafe raw else { return }
    var reason = [CChar](repeating: 0, count: 256)
    _ = unsafe PQcancel(raw, &reason, 256)
  }
}
