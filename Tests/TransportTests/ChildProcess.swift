import Glibc
import Testing

/// A server program; it is killed when its last reference goes.
@safe final class ChildProcess: Sendable {
  private let id: pid_t
  private let output: Int32

  /// Starts `sh -c command`, which should `exec` the program.
  init(_ command: String) throws {
    var ends: [Int32] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    var arguments: [UnsafeMutablePointer<CChar>?] = unsafe []
    for word in ["sh", "-c", command] { unsafe arguments.append(unsafe strdup(word)) }
    unsafe arguments.append(nil)
    var id = pid_t()
    let code = unsafe posix_spawn(&id, "/bin/sh", &actions, nil, &arguments, environ)
    unsafe posix_spawn_file_actions_destroy(&actions)
    for index in unsafe arguments.indices { unsafe free(arguments[index]) }
    close(ends[1])
    output = ends[0]
    self.id = id
    try #require(code == 0)
  }

  deinit {
    kill(id, SIGKILL)
    waitpid(id, nil, 0)
    close(output)
  }

  /// The number after the last colon of the first line that begins so.
  func port(after beginning: String) throws -> Int {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while unsafe read(output, &byte, 1) == 1 {
      if byte != 0x0A {
        line.append(byte)
        continue
      }
      let text = String(decoding: line, as: UTF8.self)
      if text.hasPrefix(beginning) {
        return try #require(text.split(separator: ":").last.flatMap { Int($0) })
      }
      line = []
    }
    throw ChildProcessEnded()
  }

  struct ChildProcessEnded: Error {}

  /// Whether a program can be found.
  static func finds(_ program: String) -> Bool {
    unsafe system("command -v \(program) > /dev/null") == 0
  }
}
