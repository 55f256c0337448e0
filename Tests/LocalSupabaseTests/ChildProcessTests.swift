import Glibc
import Testing
import Transport

@Suite struct ChildProcessTests {
  @Test(arguments: [
    ("exit 0", ChildProcess.ExitStatus.exited(0)), ("exit 7", .exited(7)),
    ("kill -9 $$", .signalled(9)),
  ])
  func `the way a process ended is told, to everybody who waits`(
    script: String, status: ChildProcess.ExitStatus
  )
    async throws
  {
    let process = try ChildProcess("sh", ["-c", script])
    async let first = process.wait()
    async let second = process.wait()
    #expect(await [first, second] == [status, status])
    #expect(process.status == status)
    process.signal(SIGKILL)
  }

  @Test func `input goes in, output and errors come out, the environment is as given`() async throws
  {
    let process = try ChildProcess(
      "sh", ["-c", "cat; echo $A >&2; pwd"], environment: ["A=b c", "PATH=/usr/bin:/bin"],
      input: .pipe, output: .pipe, error: .pipe)
    #expect(process.write(Array("in\n".utf8)))
    process.closeInput()
    #expect(!process.write([0]))
    let output = await process.allOutput()
    #expect(output.hasPrefix("in\nb c\n/"))
    #expect(await process.wait().isSuccess)
  }

  /// A PostgreSQL server that inherited a connection kept it open after this process had closed it, so that the
  /// other side waited for ever.
  @Test func `nothing but the standard streams is handed on`() async throws {
    let number = dup(0)
    defer { close(number) }
    let process = try ChildProcess(
      "sh", ["-c", "test -e /proc/$$/fd/\(number) && echo inherited"], output: .pipe)
    #expect(await process.allOutput() == "")
  }

  /// A Ctrl-C goes to the terminal's whole group.
  @Test func `only a process with a group of its own leads one`() async throws {
    for hasOwnGroup in [false, true] {
      let process = try ChildProcess(
        "sh", ["-c", "cut -d ' ' -f 5 /proc/$$/stat"], output: .pipe, hasOwnGroup: hasOwnGroup)
      let group = await process.allOutput()
      #expect(group == "\(hasOwnGroup ? process.pid : getpgrp())\n")
    }
  }

  @Test func `a program that is not there is an error`() {
    #expect(throws: ChildProcessError(program: "/no/such/program", code: ENOENT)) {
      try ChildProcess("/no/such/program")
    }
  }

  @Test func `writing to a process that has ended is no signal to this one`() async throws {
    let process = try ChildProcess("true", input: .pipe)
    _ = await process.wait()
    #expect(!process.write([UInt8](repeating: 0x61, count: 1 << 20)))
  }

  @Test func `a process that ignores the signal is killed in the end`() async throws {
    let process = try ChildProcess(
      "sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"], output: .pipe)
    for await _ in process.output { break }
    #expect(await process.end(SIGTERM, within: .milliseconds(50)) == .signalled(SIGKILL))
  }

  @Test func `what a process used of processors is told when it has ended`() async throws {
    let process = try ChildProcess(
      "sh", ["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"])
    _ = await process.wait()
    #expect(process.cpu > .milliseconds(20))
    let idle = try ChildProcess("sleep", ["0.05"])
    #expect(idle.cpu == .zero)
    _ = await idle.wait()
    #expect(idle.cpu < .milliseconds(40))
  }
}
