import Glibc
import Transport

/// `supamirror run` as the demo runs it. It ends with this process, however that ends.
final class DemoDaemon: Sendable {
  /// Of its status page.
  let url: String
  private let process: ChildProcess
  private let guardian: ChildProcess
  private let logPath: String
  private let client = HTTPClient()

  init(_ program: String, environment: [String], port: Int, logPath: String) throws {
    url = "http://127.0.0.1:\(port)/"
    self.logPath = logPath
    process = try ChildProcess(
      program, ["run"], environment: environment + ["SYNC_STATUS_LISTEN=\(port)"],
      output: .file(logPath), error: .file(logPath), hasOwnGroup: true)
    do {
      // Its input closes when this process is gone, even by a kill -9; a word in it says that all is well.
      guardian = try ChildProcess(
        "sh", ["-c", "trap '' INT TERM HUP; read -r word || kill -KILL \(process.pid)"],
        input: .pipe, output: .null, error: .null, hasOwnGroup: true)
    } catch {
      process.signal(SIGKILL)
      throw error
    }
  }

  /// What it tells of itself; nil while it does not answer.
  ///
  /// - Throws: `Demo.Stopped`, with the end of its log, once it has ended.
  func status() async throws -> DemoStatus? {
    if let status = process.status { throw stopped("`supamirror run` \(status)") }
    let request = HTTPRequest(
      method: "GET", url: url + "status.json", timeLimit: .seconds(2),
      maximumAnswerBytes: 16 << 20)
    guard let answer = try? await client.send(request), answer.status == 200 else { return nil }
    return try DemoStatus(answer.body)
  }

  /// Asks for a pass now: it reads its configuration again.
  func askForPass() { process.signal(SIGHUP) }

  /// Ends it as systemd does.
  ///
  /// - Throws: `Demo.Stopped` where it does not end with 0.
  func stop() async throws {
    let status = await process.end(SIGTERM, within: .seconds(30))
    await dismissGuardian()
    guard status.isSuccess else { throw stopped("`supamirror run` was told to end and \(status)") }
  }

  /// Ends it at once, where it still runs.
  func kill() async {
    _ = await process.end(SIGKILL)
    await dismissGuardian()
    await client.close()
  }

  func stopped(_ what: String) -> Demo.Stopped {
    let log = String(decoding: (try? DurableFile(logPath).read()) ?? [], as: UTF8.self)
    let lines = log.split(separator: "\n").suffix(30).map { "  \($0)\n" }
    return Demo.Stopped(
      description: "\(what). The end of its log:\n\(lines.joined())")
  }

  private func dismissGuardian() async {
    guardian.write(Array("done\n".utf8))
    guardian.closeInput()
    _ = await guardian.wait()
  }
}
