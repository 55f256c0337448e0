import Mirror
import Testing
import Transport

/// `supamirror status` as it is run, beside a state that a daemon could be using.
@Suite struct StatusCommandTests {
  private static func status(age: Duration) -> MirrorStatus {
    let now = WallClock.system.now() + TimeText.unixEpoch - Int64(age / .microseconds(1))
    var status = MirrorStatus(
      version: "1", mirror: "m", source: ProjectStatus(url: "https://a.supabase.co"),
      target: ProjectStatus(url: "https://b.supabase.co"), startedAt: now - 1_000_000, takenAt: now,
      feed: FeedStatus(state: .live, since: now - 1_000_000), pass: PassStatus(), tables: [],
      lagLimit: .seconds(60))
    status.pass.count = 1
    status.lags = [LagSample(time: now, lag: .milliseconds(300))]
    return status
  }

  private func run(
    _ arguments: [String], in folder: String, settings: [String] = []
  ) async throws -> (code: Int32?, output: String, error: String) {
    let process = try ChildProcess(
      "\(Environment.products)/supamirror", ["status"] + arguments,
      environment: [
        "SYNC_STATE_PATH=\(folder)/state.json", "SYNC_ENV_PATH=\(folder)/env",
      ] + settings, output: .pipe, error: .file("\(folder)/log"))
    let output = await process.allOutput()
    let status = await process.wait()
    let error = String(decoding: try DurableFile("\(folder)/log").read() ?? [], as: UTF8.self)
    guard case .exited(let code) = status else { return (nil, output, error) }
    return (code, output, error)
  }

  private func folder(_ status: MirrorStatus?) throws -> String {
    let folder = try MirrorProgram.makeFolder()
    try DurableFile("\(folder)/env").replace(with: [])
    if let status {
      try SnapshotFile(StatusFile.path(statePath: "\(folder)/state.json")).replace(
        with: StatusFile.bytes(status))
    }
    return folder
  }

  @Test func `a running daemon's status is shown without any key`() async throws {
    let folder = try folder(Self.status(age: .seconds(2)))
    let lock = try FileLock("\(folder)/state.json")
    let text = try await run([], in: folder)
    #expect(text.code == 0, "\(text)")
    #expect(text.output.hasPrefix("Live: the copy is 0.3 s behind\n"), "\(text)")
    #expect(!text.output.contains("\u{1B}"), "it is no terminal")
    let json = try await run(["--json"], in: folder)
    #expect(json.code == 0 && json.output.hasPrefix("{\"running\":true"), "\(json)")
    #expect(try await run(["--log-format", "json"], in: folder).output.hasPrefix("{\"running\""))
    withExtendedLifetime(lock) {}
  }

  @Test func `a daemon that ended, hangs or never was has an exit code each`() async throws {
    let ended = try folder(Self.status(age: .seconds(2)))
    let none = try folder(nil)
    let result = try await run([], in: ended)
    #expect(result.code == 3 && result.error.contains("does not run"), "\(result)")
    #expect(result.output.hasPrefix("Live:"))
    let nothing = try await run([], in: none)
    #expect(nothing.code == 2 && nothing.error.contains("there is no status"), "\(nothing)")
    #expect(try SnapshotFile("\(none)/state.json.lock").read() == nil, "looking makes no file")

    let hanging = try folder(Self.status(age: .seconds(40)))
    let lock = try FileLock("\(hanging)/state.json")
    let stale = try await run(["--state", "\(hanging)/state.json"], in: none)
    #expect(stale.code == 3 && stale.error.contains("makes no progress"), "\(stale)")
    withExtendedLifetime(lock) {}

    let wrong = try await run([], in: ended, settings: ["SYNC_STATE_PAHT=x"])
    #expect(wrong.code == 2 && wrong.error.contains("did you mean SYNC_STATE_PATH?"), "\(wrong)")
  }
}
