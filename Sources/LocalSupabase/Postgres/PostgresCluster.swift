import Glibc
import Transport

/// A PostgreSQL server of its own in a temporary folder, on a free port of 127.0.0.1: UTF8, C.UTF-8, time zone UTC,
/// superuser `postgres`, everybody trusted, ready for logical decoding. It ends with this process, however that ends.
package actor PostgresCluster {
  package struct Options: Sendable {
    /// Off: quick, but a crash of the machine loses everything; a crash of the server does not.
    package var isDurable = false
    package var maxConnections = 60
    /// More settings, or other values, by name.
    package var settings: [String: String] = [:]

    package init() {}
  }

  package nonisolated let port: Int
  private let folder: ClusterFolder
  private let installation: PostgresInstallation
  private let settings: [String: String]
  private var server: ChildProcess?

  /// Makes a cluster and returns when it answers.
  ///
  /// - Throws: `ClusterError` or `ChildProcessError`.
  package static func start(_ options: Options = Options()) async throws -> PostgresCluster {
    let template = try await ClusterTemplate.shared.get()
    let folder = try await ClusterFolder()
    let copying = try ChildProcess(
      "cp", ["-a", "--sparse=always", template.data, folder.path + "/data"], output: .null,
      error: .null)
    guard await copying.wait().isSuccess else {
      throw ClusterError(
        description: "The data folder could not be copied to \(folder.path); is the disk full?")
    }
    // Another process may take the port first.
    for _ in 0..<4 {
      let cluster = PostgresCluster(findFreePort(), folder, template, options)
      do {
        try await cluster.startServer()
        return cluster
      } catch let error as ClusterError where error.description.contains("could not bind") {
        continue
      }
    }
    throw ClusterError(description: "No free port of 127.0.0.1 could be had for PostgreSQL.")
  }

  private init(
    _ port: Int, _ folder: ClusterFolder, _ template: ClusterTemplate.Made, _ options: Options
  ) {
    self.port = port
    self.folder = folder
    installation = template.installation
    let durable = options.isDurable ? "on" : "off"
    var settings = [
      "listen_addresses": "127.0.0.1", "port": "\(port)", "timezone": "UTC",
      "log_timezone": "UTC", "logging_collector": "off", "wal_level": "logical",
      "max_replication_slots": "10", "max_wal_senders": "10", "max_prepared_transactions": "0",
      "max_connections": "\(options.maxConnections)", "shared_buffers": "128MB",
      // Logical decoding sees only what was flushed, so commits do that, to the system's cache at least.
      "fsync": durable, "synchronous_commit": "on", "full_page_writes": durable,
      // The name of a socket is limited to 107 bytes.
      "unix_socket_directories": folder.path.utf8.count < 80 ? folder.path : "",
    ]
    if template.listsOutputPlugins {
      settings["output_plugin_libraries"] = "pgoutput,test_decoding,wal2json"
    }
    self.settings = settings.merging(options.settings) { $1 }
  }

  /// For libpq, as a URI, since that has no blanks. Nobody needs a password.
  package nonisolated func dsn(user: String = "postgres", database: String = "postgres") -> String {
    "postgresql://\(user)@127.0.0.1:\(port)/\(database)"
  }

  /// Starts the server on the data it had, on the same port, and returns when it answers.
  package func startServer() async throws {
    guard server == nil else { return }
    let log = folder.path + "/log"
    let words = installation.command(
      "postgres",
      ["-D", folder.path + "/data"]
        + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] },
      in: folder.path)
    let process = try ChildProcess(
      words[0], Array(words.dropFirst()), output: .file(log), error: .file(log), hasOwnGroup: true)
    server = process
    let probe = PostgresPool(dsn: dsn(), size: 1)
    let end = ContinuousClock().now + .seconds(60)
    while true {
      if (try? await probe.withConnection(waitAtMost: .seconds(60), { _ in })) != nil { break }
      if process.status != nil || ContinuousClock().now > end {
        await probe.close()
        await stopServer()
        throw ClusterError(description: "PostgreSQL does not start. Its log: \(lastOfLog(log))")
      }
      try? await Task.sleep(for: .milliseconds(10))
    }
    await probe.close()
  }

  /// Ends the server, its connections with it, and keeps the data.
  ///
  /// - Parameter abruptly: without a checkpoint, as after a crash.
  package func stopServer(abruptly: Bool = false) async {
    guard let server else { return }
    await server.end(abruptly ? SIGQUIT : SIGINT)
    self.server = nil
  }

  package func restart() async throws {
    await stopServer()
    try await startServer()
  }

  /// Ends the server and removes its files. May be called twice.
  package func stop() async {
    await stopServer()
    await folder.remove()
  }

  private func lastOfLog(_ path: String) -> String {
    guard let bytes = try? DurableFile(path).read() else { return "none" }
    return String(decoding: bytes.suffix(2_000), as: UTF8.self)
  }
}
