import Transport

/// A new, empty data folder, made once a process and copied for every cluster, because `initdb` takes longer than all
/// the rest of a start.
actor ClusterTemplate {
  /// Processes are the unit here, so this is shared by everything in one.
  static let shared = ClusterTemplate()

  struct Made: Sendable {
    let installation: PostgresInstallation
    let folder: ClusterFolder
    /// The server knows the setting `output_plugin_libraries`, and then refuses wal2json unless it is named there.
    /// Older releases refuse to start with the setting.
    let listsOutputPlugins: Bool

    var data: String { folder.path + "/data" }
  }

  private var making: Task<Made, any Error>?

  /// The template, made by the first who asks.
  func get() async throws -> Made {
    let task = making ?? Task { try await Self.make() }
    making = task
    do {
      return try await task.value
    } catch {
      making = nil
      throw error
    }
  }

  private static func make() async throws -> Made {
    let installation = try await PostgresInstallation.find()
    let folder = try await ClusterFolder()
    let data = folder.path + "/data"
    var result = (status: ChildProcess.ExitStatus.exited(1), output: "")
    for locale in ["C.UTF-8", "C"] where !result.status.isSuccess {
      result = try await installation.run(
        "initdb",
        [
          "--pgdata=\(data)", "--username=postgres", "--auth=trust", "--encoding=UTF8",
          "--locale=\(locale)", "--no-sync", "--no-instructions",
        ], in: folder.path)
    }
    guard result.status.isSuccess else {
      throw ClusterError(description: "initdb \(result.status): \(result.output)")
    }
    let asked = try await installation.run(
      "postgres", ["-D", data, "-C", "output_plugin_libraries"], in: folder.path)
    return Made(
      installation: installation, folder: folder, listsOutputPlugins: asked.status.isSuccess)
  }
}
