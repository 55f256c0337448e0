internal import CPosix
internal import Glibc

/// What `posix_spawn` made: the process and this process's ends of its pipes.
struct SpawnedProcess {
  var pid: pid_t
  var input: Int32?
  var output: Int32?

  /// Between making a pipe and marking it as not to be inherited, no other process may be started: it would
  /// hold the pipe open.
  private static let spawning = Locked(())

  /// - Parameters:
  ///   - words: the program and its arguments.
  ///   - streams: standard input, output and error; the latter two share one pipe.
  static func start(
    _ words: [String], _ environment: [String]?, _ streams: [ChildProcess.Stream],
    hasOwnGroup: Bool
  ) -> Result<SpawnedProcess, ChildProcessError> {
    spawning.withLock { _ in
      let input = streams[0] == .pipe ? Pipe() : nil
      let output = streams[1...].contains(.pipe) ? Pipe() : nil
      var pid = pid_t()
      let code = spawn(
        words, environment, zip(streams, [input?.reading, output?.writing, output?.writing]),
        hasOwnGroup, &pid)
      if let input { close(input.reading) }
      if let output { close(output.writing) }
      if code == 0 {
        return .success(SpawnedProcess(pid: pid, input: input?.writing, output: output?.reading))
      }
      if let input { close(input.writing) }
      if let output { close(output.reading) }
      return .failure(ChildProcessError(program: words[0], code: code))
    }
  }

  private struct Pipe {
    let reading: Int32
    let writing: Int32

    init() {
      var ends: [Int32] = [-1, -1]
      let code = unsafe pipe(&ends)
      precondition(code == 0, "pipe: \(errno)")
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      (reading, writing) = (ends[0], ends[1])
    }
  }

  private static func spawn(
    _ words: [String], _ environment: [String]?,
    _ streams: Zip2Sequence<[ChildProcess.Stream], [Int32?]>, _ hasOwnGroup: Bool,
    _ pid: inout pid_t
  ) -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (number, (stream, pipe)) in zip(Int32(0)..., streams) {
      switch stream {
      case .inherited: break
      case .null:
        unsafe posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
      case .pipe:
        if let pipe { unsafe posix_spawn_file_actions_adddup2(&actions, pipe, number) }
      case .file(let path):
        let flags = number == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, number, path, flags, 0o600)
      }
    }

    // A connection of this process that the child held as well would not end when this process closes it.
    unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)

    // What this process blocks or ignores must not stay with the child, or it could not be signalled.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe sigfillset(&signals)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    let group = hasOwnGroup ? POSIX_SPAWN_SETPGROUP : 0
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))

    return unsafe withStrings(words) { arguments in
      guard let environment else {
        return unsafe posix_spawnp(&pid, words[0], &actions, &attributes, arguments, environ)
      }
      return unsafe withStrings(environment) { environment in
        unsafe posix_spawnp(&pid, words[0], &actions, &attributes, arguments, environment)
      }
    }
  }

  private static func withStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer {
      for index in unsafe pointers.indices { unsafe free(pointers[index]) }
    }
    return unsafe pointers.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress!) }
  }
}
