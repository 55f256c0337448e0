import Mirror
import Testing
import Transport
import supamirror

@Suite struct StatusFileWriterTests {
  /// Runs a writer until it has asked for the status, then ends it.
  /// - Returns: how often it asked; each status says how often that was until then.
  @discardableResult
  private func run(_ statePath: String, log: Log) async -> Int {
    let (asked, continuation) = AsyncStream.makeStream(of: Void.self)
    let number = Locked(0)
    let writer = StatusFileWriter(
      statePath: statePath,
      status: {
        var status = SampleStatus.live
        status.feed.events = number.withLock { number in
          number += 1
          return number
        }
        continuation.yield()
        return status
      }, log: log)
    let task = Task { await writer.run() }
    for await _ in asked { break }
    task.cancel()
    await task.value
    return number.withLock { $0 }
  }

  @Test func `the file tells how it ended`() async throws {
    let folder = try Folder()
    let asked = await run("\(folder.path)/state.json", log: .none)
    let bytes = try #require(try SnapshotFile("\(folder.path)/state.json.status").read())
    #expect(bytes.last == 0x0A)
    #expect(try StatusJSON.read(bytes).feed.events == asked)
    #expect(asked >= 2)
  }

  @Test func `a file that cannot be written is told once and ends nothing`() async throws {
    let folder = try Folder()
    let messages = Locked<[String]>([])
    let log = Log { event in messages.withLock { $0.append(event.message) } }
    await run("\(folder.path)/missing/state.json", log: log)
    #expect(messages.withLock { $0 } == ["status file not written"])
  }
}
