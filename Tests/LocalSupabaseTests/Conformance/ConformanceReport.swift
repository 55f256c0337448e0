import JSON
import Testing
import Transport

/// Counts what was played, and holds it against the list of exceptions: `exceptions.json` beside the recordings
/// names the cases that may differ, with the reason.
struct ConformanceReport {
  private let exceptions: [String: String]
  private var order: [String] = []
  private var played: [String: (passed: Int, all: Int)] = [:]

  init() throws {
    let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let path = folders.joined(separator: "/") + "/Transcripts/exceptions.json"
    let bytes = try #require(try DurableFile(path).read(), "exceptions.json is missing")
    let members = try JSONNode(parsing: bytes).members ?? []
    exceptions = Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.node.string ?? "") })
  }

  mutating func note(_ differences: [String], _ id: String, file: String) {
    if played[file] == nil { order.append(file) }
    var count = played[file] ?? (0, 0)
    count.all += 1
    if differences.isEmpty { count.passed += 1 }
    played[file] = count
    switch (differences.isEmpty, exceptions[id] != nil) {
    case (false, false): Issue.record("\(id): \(differences.joined(separator: "\n    "))")
    case (true, true): Issue.record("\(id) passes, but is listed as an exception")
    default: break
    }
  }

  /// Prints a line a file; at least nine of ten cases must have passed.
  func conclude() {
    var (passed, all) = (0, 0)
    for file in order {
      guard let count = played[file] else { continue }
      print("conformance: \(file) \(count.passed)/\(count.all)")
      passed += count.passed
      all += count.all
    }
    print("conformance: all \(passed)/\(all)")
    #expect(passed * 10 >= all * 9, "\(passed) of \(all) cases passed")
  }
}
