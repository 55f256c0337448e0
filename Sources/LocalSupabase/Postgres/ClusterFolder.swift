import Transport

/// A temporary folder that goes, with the PostgreSQL server in it, when this process does: a small shell holds the other
/// end of a pipe, and acts when the pipe closes, which it does even at a kill -9.
package final class ClusterFolder: Sendable {
  package let path: String
  private let guardian: ChildProcess

  package init() async throws {
    // The owner of the folder must be able to run the server; see `PostgresInstallation.command`.
    let script = """
      trap '' INT TERM HUP
      folder=$(mktemp -d "${TMPDIR:-/tmp}/supabase-local-XXXXXX") || exit 1
      if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$folder"; fi
      echo "$folder"
      exec >&- 2>&-
      read -r word
      if pid=$(head -n 1 "$folder/data/postmaster.pid"); then
        tries=0
        while kill -0 "$pid"; do
          case $tries in 0) kill -INT "$pid";; 50) kill -QUIT "$pid";; 100) kill -KILL "$pid";; esac
          tries=$((tries + 1))
          sleep 0.1
        done
      fi
      rm -rf "$folder"
      """
    guardian = try ChildProcess(
      "sh", ["-c", script], input: .pipe, output: .pipe, error: .inherited, hasOwnGroup: true)
    let output = await guardian.allOutput()
    guard output.hasSuffix("\n") else {
      throw ClusterError(
        description:
          "No temporary folder could be made. Set TMPDIR to a folder that can be written, "
          + "and as root make sure that there is a user postgres.")
    }
    path = String(output.dropLast())
  }

  deinit { guardian.closeInput() }

  /// Ends what still runs in the folder and removes it.
  package func remove() async {
    guardian.closeInput()
    _ = await guardian.wait()
  }
}
