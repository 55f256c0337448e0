package import Glibc

/// A program could not be started.
package struct ChildProcessError: Error, Hashable, Sendable, CustomStringConvertible {
  package var program: String
  /// errno.
  package var code: Int32

  package init(program: String, code: Int32) {
    self.program = program
    self.code = code
  }

  package var description: String {
    "Cannot start \(program): \(unsafe String(cString: strerror(code)))."
  }
}

/// One process that this one started. It lives on when the value goes; whoever starts it ends it.
package final class ChildProcess: Sendable {
  /// Where a standard stream of the process leads.
  package enum Stream: Hashable, Sendable {
    case inherited
    case null
    /// To this process: `write` and `closeInput`, or `output`.
    case pipe
    /// Appended to a file, which is made if need be.
    case file(String)
  }

  package let pid: pid_t
  private let input: Locked<Int32?>
  private let pieces: AsyncStream<[UInt8]>
  private let state = Locked(State())

  private struct State {
    var status: ExitStatus?
    var cpu = Duration.zero
    var waiting: [CheckedContinuation<ExitStatus, Never>] = []
  }

  /// Starts `program`, looked up in PATH unless it has a slash.
  ///
  /// - Parameters:
  ///   - environment: the whole environment as `NAME=value`; nil: this process's own.
  ///   - error: `pipe` joins what standard output has.
  ///   - hasOwnGroup: a Ctrl-C at the terminal does not reach it.
  package init(
    _ program: String, _ arguments: [String] = [], environment: [String]? = nil,
    input: Stream = .null, output: Stream = .inherited, error: Stream = .inherited,
    hasOwnGroup: Bool = false
  ) throws(ChildProcessError) {
    let spawned = try SpawnedProcess.start(
      [program] + arguments, environment, [input, output, error], hasOwnGroup: hasOwnGroup
    ).get()
    pid = spawned.pid
    self.input = Locked(spawned.input)
    let (pieces, continuation) = AsyncStream.makeStream(of: [UInt8].self)
    self.pieces = pieces
    if let output = spawned.output {
      startThread {
        Self.readAll(output) { continuation.yield($0) }
        continuation.finish()
      }
    } else {
      continuation.finish()
    }
    startThread { self.reap() }
  }

  deinit { closeInput() }

  /// What the process writes, as it comes; ends when the last process that holds the pipe closes it. For one
  /// reader only. Unread output is kept in memory.
  package var output: AsyncStream<[UInt8]> { pieces }

  /// All that the process writes, as text.
  package func allOutput() async -> String {
    var bytes: [UInt8] = []
    for await piece in pieces { bytes += piece }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes to the process's standard input; false if that is closed. Blocks while the pipe is full.
  @discardableResult
  package func write(_ bytes: [UInt8]) -> Bool {
    blockBrokenPipeSignal()
    return input.withLock { input in
      guard let input else { return false }
      var start = 0
      while start < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { bytes in
          let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
          return unsafe Glibc.write(input, rest.baseAddress, rest.count)
        }
        if count < 0 && errno != EINTR { return false }
        start += max(0, count)
      }
      return true
    }
  }

  package func closeInput() {
    input.withLock { input in
      if let number = input { close(number) }
      input = nil
    }
  }

  /// Returns once the process has ended, however long that takes.
  package func wait() async -> ExitStatus {
    await withCheckedContinuation { continuation in
      let status = state.withLock { state in
        if state.status == nil { state.waiting.append(continuation) }
        return state.status
      }
      if let status { continuation.resume(returning: status) }
    }
  }

  /// How it ended; nil while it runs.
  package var status: ExitStatus? { state.withLock { $0.status } }

  /// Sends `first`, and SIGKILL if that has not ended the process in time.
  @discardableResult
  package func end(_ first: Int32 = SIGTERM, within limit: Duration = .seconds(10)) async
    -> ExitStatus
  {
    signal(first)
    let escalation = Task {
      try await Task.sleep(for: limit)
      signal(SIGKILL)
    }
    defer { escalation.cancel() }
    return await wait()
  }

  /// What it used of processors, in user and kernel mode; zero while it runs.
  package var cpu: Duration { state.withLock { $0.cpu } }

  /// Sends a signal unless the process has ended.
  package func signal(_ number: Int32) {
    state.withLock { state in
      // Under the lock: `reap` frees the number for other processes under the same one.
      if state.status == nil { _ = kill(pid, number) }
    }
  }

  private func reap() {
    // Waits without reaping, so that the number stays this process's until the lock is held.
    var info = unsafe siginfo_t()
    while unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0 {
      guard errno == EINTR else { break }
    }
    let (status, waiting) = state.withLock { state in
      var code: Int32 = 0
      var usage = rusage()
      _ = unsafe wait4(pid, &code, 0, &usage)
      for time in [usage.ru_utime, usage.ru_stime] {
        state.cpu += .seconds(time.tv_sec) + .microseconds(time.tv_usec)
      }
      let signal = code & 0x7f
      let status = signal == 0 ? ExitStatus.exited(code >> 8 & 0xff) : .signalled(signal)
      defer { state.waiting = [] }
      state.status = status
      return (status, state.waiting)
    }
    for continuation in waiting { continuation.resume(returning: status) }
  }

  private static func readAll(_ number: Int32, _ receive: ([UInt8]) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe Glibc.read(number, bytes.baseAddress, bytes.count)
      }
      if count > 0 {
        receive(Array(buffer[..<count]))
      } else if count == 0 || errno != EINTR {
        break
      }
    }
    close(number)
  }
}

extension ChildProcess {
  /// How a process ended.
  package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    package var isSuccess: Bool { self == .exited(0) }

    package var description: String {
      switch self {
      case .exited(let code): "exited with \(code)"
      case .signalled(let signal): "ended by signal \(signal)"
      }
    }
  }
}
