import Glibc
import LocalSupabase
import Transport

/// Which processors the databases of a local pair run on. Projects that are far apart are on different machines, so each
/// has half of this one's; else both have all.
struct Processors {
  private let pair: BenchPair
  private let count = sysconf(Int32(_SC_NPROCESSORS_ONLN))

  init(_ pair: BenchPair) { self.pair = pair }

  /// Whether this machine's can be shared out.
  var canBeDivided: Bool { !pair.isExternal && count > 1 }

  func divide() async throws {
    guard canBeDivided else { return }
    try await run(pair.source, on: "0-\(count / 2 - 1)")
    try await run(pair.target, on: "\(count / 2)-\(count - 1)")
  }

  func share() async throws {
    guard canBeDivided else { return }
    for project in [pair.source, pair.target] { try await run(project, on: "0-\(count - 1)") }
  }

  /// The server's first process hands it on to those that it begins from now on.
  private func run(_ project: BenchProject, on list: String) async throws {
    let processes = try await project.sql(
      """
      select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)
      union all select pid::text from pg_stat_activity where pid <> pg_backend_pid()
      """)
    for process in processes.compactMap({ $0[0] }) {
      let taskset = try ChildProcess(
        "taskset", ["-p", "-c", list, process], output: .pipe, error: .pipe)
      _ = await taskset.allOutput()
      // One that has ended meanwhile is none to care for.
      _ = await taskset.wait()
    }
  }
}
