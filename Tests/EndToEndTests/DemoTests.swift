import Glibc
import Testing
import Transport

extension Commands {
  /// `supabase-local demo`, as `make demo` runs it.
  @Suite struct Demo {
    /// Temporary files of one run; every process of the run has its name in the environment.
    private let folder: String

    init() throws {
      folder = try MirrorProgram.makeFolder()
      // PostgreSQL may run as another user.
      unsafe chmod(folder, 0o755)
    }

    private func start(_ settings: String..., demo: String = "demo") throws -> ChildProcess {
      try ChildProcess(
        "\(Environment.products)/supabase-local", [demo],
        environment: [
          "PATH=\(Environment.process["PATH"] ?? "/usr/bin:/bin")", "TMPDIR=\(folder)",
        ] + settings, output: .pipe, error: .pipe)
    }

    /// What runs or lies around because of the demo.
    private func leftovers() -> [String] {
      var found = entries(of: folder)
      for process in entries(of: "/proc") where process.allSatisfy(\.isNumber) {
        guard let environment = try? SnapshotFile("/proc/\(process)/environ").read(),
          String(decoding: environment, as: UTF8.self).contains("TMPDIR=\(folder)\0")
        else { continue }
        found.append("process \(process)")
      }
      return found
    }

    private func entries(of folder: String) -> [String] {
      var names: [String] = []
      guard let listing = unsafe opendir(folder) else { return [] }
      defer { unsafe closedir(listing) }
      while let entry = unsafe readdir(listing) {
        let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
          unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if !name.hasPrefix(".") { names.append(name) }
      }
      return names
    }

    /// Guardians clean up after a process that has ended, and nobody is left to say when they have.
    private func leavesNothing() async throws -> Bool {
      let clock = ContinuousClock()
      let limit = clock.now + .seconds(30)
      while !leftovers().isEmpty {
        guard clock.now < limit else { return false }
        try await clock.sleep(for: .milliseconds(50))
      }
      return unsafe rmdir(folder) == 0
    }

    @Test func `it mirrors live, ends by itself and finds no difference`() async throws {
      let demo = try start("DEMO_SECONDS=5")
      let output = await demo.allOutput()
      #expect(await demo.wait() == .exited(0), "\(output)")
      #expect(output.contains("0 differences: both databases are the same in all "), "\(output)")
      for sentence in [
        "Its status page: http://127.0.0.1:", "From now on rows change",
        "Realtime server restarts", "Healed after ", "Everything has arrived.",
        "`supamirror run` was sent a SIGTERM, and ended with 0.", "Nothing is left behind.",
      ] {
        #expect(output.contains(sentence), "\(output)")
      }
      #expect(!output.contains("\u{1B}"), "it is no terminal")
      #expect(try await leavesNothing(), "\(leftovers())")
    }

    @Test func `the one of three projects that lags is recovered from the survivor`() async throws {
      let demo = try start("DEMO_SECONDS=1", demo: "demo-recovery")
      let output = await demo.allOutput()
      #expect(await demo.wait() == .exited(0), "\(output)")
      for sentence in [
        "rows inserted, ", "both sides are equal.", "Equal: ",
        "0 differences: both databases are the same in all ", "Nothing is left behind.",
      ] {
        #expect(output.contains(sentence), "\(output)")
      }
      #expect(!output.contains("Recovered: 0 rows"), "\(output)")
      #expect(try await leavesNothing(), "\(leftovers())")
    }

    /// SIGKILL cannot be answered; the second signal while it ends, and any while it begins, can.
    @Test(arguments: [SIGKILL, SIGINT])
    func `ended while the daemon runs, it leaves nothing behind`(signal: Int32) async throws {
      let demo = try start()
      var output = ""
      for await piece in demo.output {
        output += String(decoding: piece, as: UTF8.self)
        if output.contains("Its status page") { demo.signal(signal) }
      }
      let status = await demo.wait()
      #expect(status == (signal == SIGINT ? .exited(130) : .signalled(SIGKILL)), "\(output)")
      #expect(try await leavesNothing(), "\(leftovers())")
    }

    @Test func `a limit that is none is refused before anything begins`() async throws {
      let demo = try start("DEMO_SECONDS=soon")
      let output = await demo.allOutput()
      #expect(await demo.wait() == .exited(1))
      #expect(
        output == "supabase-local: DEMO_SECONDS is a number of seconds from 1 to 86400, not soon\n")
      #expect(try await leavesNothing(), "\(leftovers())")
    }
  }
}
