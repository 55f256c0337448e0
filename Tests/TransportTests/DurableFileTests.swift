import Glibc
import Testing
import Transport

@Suite struct DurableFileTests {
  @Test func `a file that is not there reads as nothing`() throws {
    let folder = TemporaryFolder()
    #expect(try DurableFile("\(folder.path)/state").read() == nil)
  }

  @Test(arguments: [0, 1, 65_536, 300_000])
  func `what was replaced is read`(size: Int) throws {
    let folder = TemporaryFolder()
    let file = DurableFile("\(folder.path)/state")
    try file.replace(with: Array("old".utf8))
    let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try file.replace(with: content)
    #expect(try file.read() == content)
    #expect(try folder.names() == ["state"])
  }

  @Test func `the file belongs to its user alone`() throws {
    let folder = TemporaryFolder()
    try DurableFile("\(folder.path)/state").replace(with: [1])
    var status = stat()
    #expect(unsafe stat("\(folder.path)/state", &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
  }

  @Test func `a file for all to read is one, in folders that are made for it`() throws {
    let folder = TemporaryFolder()
    let file = DurableFile("\(folder.path)/a/b/tables")
    #expect(file.isReadableByOthers == nil)
    try file.makeFolder()
    try file.makeFolder()
    try file.replace(with: [1], isPrivate: false)
    #expect(file.isReadableByOthers == true)
    try file.replace(with: [2])
    #expect(file.isReadableByOthers == false)
    #expect(throws: FileError.self) { try DurableFile("\(file.path)/c/d").makeFolder() }
    try DurableFile("name").makeFolder()
  }

  @Test func `what a killed process left is overwritten`() throws {
    let folder = TemporaryFolder()
    try folder.write("state", Array("old".utf8))
    _ = try folder.shell("echo half > state.tmp && chmod 444 state.tmp", reading: "state.tmp")
    let file = DurableFile("\(folder.path)/state")
    #expect(try file.read() == Array("old".utf8))
    try file.replace(with: Array("new".utf8))
    #expect(try file.read() == Array("new".utf8))
    #expect(try folder.names() == ["state"])
  }

  @Test(arguments: [true, false])
  func `a symbolic link stays a link`(exists: Bool) throws {
    let folder = TemporaryFolder()
    _ = try folder.shell("mkdir real && ln -s real/state link && ln -s link state", reading: "none")
    if exists { try folder.write("real/state", [1]) }
    try DurableFile("\(folder.path)/state").replace(with: [2])
    #expect(try DurableFile("\(folder.path)/real/state").read() == [2])
    let kept = try folder.shell(
      "test -L state && test -L link && echo -n y > kept", reading: "kept")
    #expect(kept == Array("y".utf8))
  }

  @Test func `an error says what to do`() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/missing/state"
    let error = #expect(throws: FileError.self) { try DurableFile(path).replace(with: [1]) }
    #expect(
      error?.description
        == "Cannot write \(path).tmp: No such file or directory; create its folder or correct the path."
    )
    let loop = "\(folder.path)/loop"
    _ = try folder.shell("ln -s loop loop", reading: "none")
    #expect(throws: FileError.self) { try DurableFile(loop).replace(with: [1]) }
    #expect(throws: FileError.self) { try DurableFile(folder.path).read() }
  }

  @Test func `a write that fails half way leaves the old content`() async throws {
    let folder = TemporaryFolder()
    try folder.write("state", Array("old".utf8))
    let path = "\(folder.path)/state"
    await #expect(processExitsWith: .success) { [path = path as String] in
      // The kernel refuses what goes beyond 4 kB, as a full disk would.
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4_096, rlim_max: 4_096)
      #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      let error = #expect(throws: FileError.self) {
        try DurableFile(path).replace(with: [UInt8](repeating: 1, count: 10_000))
      }
      #expect(error?.code == EFBIG)
    }
    #expect(try DurableFile(path).read() == Array("old".utf8))
    #expect(try folder.names() == ["state"])
  }

  @Test(arguments: [3, 10, 30])
  func `a process killed at any moment leaves one content whole`(milliseconds: Int) async throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/state"
    try folder.write("state", [UInt8](repeating: 0, count: 500_000))
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, milliseconds] in
      startThread {
        usleep(UInt32(milliseconds) * 1_000)
        kill(getpid(), SIGKILL)
      }
      var number: UInt8 = 0
      while true {
        number &+= 1
        try DurableFile(path).replace(with: [UInt8](repeating: number, count: 500_000))
      }
    }
    let content = try #require(try DurableFile(path).read())
    #expect(content.count == 500_000)
    #expect(Set(content).count == 1)
  }
}

@Suite struct FileLockTests {
  @Test func `a second holder is refused and told who has it`() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/state"
    let lock = try FileLock(path)
    let error = #expect(throws: FileError.self) { _ = try FileLock(path) }
    #expect(error?.isLocked == true)
    #expect(error?.holder == getpid())
    #expect(
      error?.description
        == "Cannot lock \(path): process \(getpid()) uses it; end that process or use another path."
    )
    withExtendedLifetime(lock) {}
  }

  @Test func `two names of one file share one lock`() throws {
    let folder = TemporaryFolder()
    _ = try folder.shell("ln -s state link", reading: "none")
    let lock = try FileLock("\(folder.path)/link")
    #expect(throws: FileError.self) { _ = try FileLock("\(folder.path)/state") }
    withExtendedLifetime(lock) {}
  }

  @Test func `a lock that is let go can be taken`() throws {
    let path = TemporaryFolder()
    do { _ = try FileLock("\(path.path)/state") }
    _ = try FileLock("\(path.path)/state")
  }

  @Test func `a killed process gives its lock back`() async throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/state"
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let lock = try FileLock(path)
      kill(getpid(), SIGKILL)
      withExtendedLifetime(lock) {}
    }
    #expect(try folder.names() == ["state.lock"])
    _ = try FileLock(path)
  }

  @Test func `looking at a lock tells its holder, and neither takes it nor makes a file`() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/state"
    #expect(try FileLock.state(of: path) == .free)
    #expect(try folder.names() == [])
    do {
      let lock = try FileLock(path)
      #expect(try FileLock.state(of: path) == .held(by: getpid()))
      withExtendedLifetime(lock) {}
    }
    #expect(try FileLock.state(of: path) == .free)
    let lock = try FileLock(path)
    withExtendedLifetime(lock) {}
  }

  @Test func `those who only look never keep a holder out`() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/state"
    _ = try FileLock(path)
    let isOver = Locked(false)
    for _ in 0..<2 {
      startThread {
        while !isOver.withLock({ $0 }) {
          _ = try? FileLock.state(of: path)
          usleep(200)
        }
      }
    }
    defer { isOver.withLock { $0 = true } }
    for _ in 0..<1_000 { _ = try FileLock(path) }
  }
}

@Suite struct SnapshotFileTests {
  @Test func `what was replaced is read, and nothing else is left`() throws {
    let folder = TemporaryFolder()
    let file = SnapshotFile("\(folder.path)/status")
    #expect(try file.read() == nil)
    _ = try folder.shell("echo half > status.tmp && chmod 444 status.tmp", reading: "status.tmp")
    for content in [[UInt8](repeating: 1, count: 300_000), [], [2]] {
      try file.replace(with: content)
      #expect(try file.read() == content)
    }
    #expect(try folder.names() == ["status"])
    var status = stat()
    #expect(unsafe stat("\(folder.path)/status", &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
  }

  @Test func `a file that cannot be written is an error`() throws {
    let folder = TemporaryFolder()
    let error = #expect(throws: FileError.self) {
      try SnapshotFile("\(folder.path)/missing/status").replace(with: [1])
    }
    #expect(error?.description.contains("create its folder") == true)
  }

  @Test func `a reader never sees a part`() throws {
    let folder = TemporaryFolder()
    let file = SnapshotFile("\(folder.path)/status")
    try file.replace(with: [UInt8](repeating: 0, count: 100_000))
    let isOver = Locked(false)
    startThread {
      var number: UInt8 = 0
      while !isOver.withLock({ $0 }) {
        number &+= 1
        try? file.replace(with: [UInt8](repeating: number, count: 100_000))
      }
    }
    defer { isOver.withLock { $0 = true } }
    for _ in 0..<200 {
      let content = try #require(try file.read())
      #expect(content.count == 100_000 && content.first == content.last)
    }
  }
}
