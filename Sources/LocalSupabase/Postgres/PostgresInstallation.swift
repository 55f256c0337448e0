import Glibc
import Transport

/// PostgreSQL cannot be found, made or started.
package struct ClusterError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What happened and what to do, in sentences.
  package var description: String
}

/// PostgreSQL's programs on this machine.
struct PostgresInstallation: Sendable {
  let folder: String

  /// Finds the newest version that Debian's packages installed, or else what `pg_config` or PATH name.
  static func find() async throws -> PostgresInstallation {
    let script = """
      for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) \
          "$(pg_config --bindir 2>/dev/null)" "$(dirname "$(command -v postgres)" 2>/dev/null)"; do
        if [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ]; then echo "$folder"; exit; fi
      done
      """
    let shell = try ChildProcess("sh", ["-c", script], output: .pipe, error: .null)
    let folder = await shell.allOutput()
    guard folder.hasSuffix("\n") else {
      throw ClusterError(
        description: "PostgreSQL's server programs (postgres, initdb) were not found in "
          + "/usr/lib/postgresql, by pg_config or in PATH. Install them, e.g. "
          + "\"apt-get install postgresql postgresql-15-wal2json\" on Debian 12.")
    }
    return PostgresInstallation(folder: String(folder.dropLast()))
  }

  /// The words that run a program of the installation in `workingFolder`, as the user `postgres` where this process is
  /// root, since PostgreSQL refuses to be that.
  func command(_ program: String, _ arguments: [String], in workingFolder: String) -> [String] {
    let user =
      geteuid() == 0
      ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] : []
    return ["sh", "-c", "cd \"$0\" && exec \"$@\"", workingFolder] + user
      + ["\(folder)/\(program)"] + arguments
  }

  /// Runs a program to its end.
  func run(_ program: String, _ arguments: [String], in workingFolder: String) async throws
    -> (status: ChildProcess.ExitStatus, output: String)
  {
    let words = command(program, arguments, in: workingFolder)
    let process = try ChildProcess(
      words[0], Array(words.dropFirst()), output: .pipe, error: .pipe)
    let output = await process.allOutput()
    return (await process.wait(), output)
  }
}
