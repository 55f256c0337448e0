import Glibc
import JSON
import LocalSupabase
import Testing
import Transport

/// Every recorded session of Realtime that is in scope, played against a whole project: sockets, SQL, slot.
@Suite struct RealtimeReplayTests {
  @Test func `sessions go as they went with the real server`() async throws {
    var exceptions = try Self.exceptions()
    var differing: [String: [String]] = [:]
    // Sockets and slots are the session's own; the limits of some are their subject.
    let limited = ["limit_channels": 3]
    for limits in [nil, limited] {
      var options = LocalProjectOptions()
      options.jwtSecret = RecordedSession.secret
      var realtime = RealtimeOptions.quick
      realtime.maxChannelsPerClient = limits?.values.first ?? 100
      options.realtime = realtime
      let project = try await LocalProject.start(options)
      let replay = RealtimeReplay(project)
      try await replay.prepare()
      for name in try Self.names()
      where (limits?.keys.contains(name) ?? !limited.keys.contains(name)) {
        if exceptions.removeValue(forKey: name) != nil { continue }
        let differences = try await replay.play(RecordedSession(name))
        if !differences.isEmpty { differing[name] = differences }
      }
      await replay.end()
      await project.stop()
    }
    for (name, differences) in differing.sorted(by: { $0.key < $1.key }) {
      Issue.record("\(name)\n  \(differences.joined(separator: "\n  "))")
    }
    #expect(exceptions.isEmpty, "exceptions of no recording")
  }

  /// Names of recordings that are not played, and why.
  private static func exceptions() throws -> [String: String] {
    let path = RecordedSession.path("../realtime-exceptions.json")
    let file = try JSONNode(parsing: try #require(try DurableFile(path).read()))
    return Dictionary(
      uniqueKeysWithValues: (file.members ?? []).map { ($0.name, $0.node.string ?? "") })
  }

  private static func names() throws -> [String] {
    guard let folder = unsafe opendir(RecordedSession.path("")) else { return [] }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name.hasSuffix(".json") { names.append(String(name.dropLast(5))) }
    }
    return names.sorted()
  }
}
