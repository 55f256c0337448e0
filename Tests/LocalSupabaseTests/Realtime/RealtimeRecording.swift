import JSON
import Testing
import Transport

@testable import LocalSupabase

/// One session of Tests/Transcripts/realtime, as far as it concerns the database's half of the server.
struct RealtimeRecording {
  struct Join {
    var channel: String
    var subscriptions: [Subscription]
    var claims: SubscriptionClaims
    /// The message of the `system` error that answered it, nil if it was served.
    var error: String?
  }

  enum Step {
    case join(Join)
    /// A channel's name, or for a whole connection its name and a blank.
    case leave(String)
    /// Statements that ran so quickly one after the other that one poll took what they changed.
    case sql([String])
  }

  struct Event: Hashable {
    var channel: String
    var ids: [Int]
    /// `data`, byte for byte, without the time.
    var data: String
  }

  private(set) var steps: [Step] = []
  /// What each step was followed by, until the next one.
  private(set) var events: [[Event]] = []

  static func path(_ name: String) -> String {
    let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return folders.joined(separator: "/") + "/Transcripts/realtime/" + name
  }

  static func text(_ name: String) throws -> String {
    let bytes = try #require(try DurableFile(path(name)).read(), "\(name) is missing")
    return String(decoding: bytes, as: UTF8.self)
  }

  init(_ name: String) throws {
    let file = try JSONNode(parsing: Array(try Self.text(name + ".json").utf8))
    var sqlEnd = -1_000.0
    for event in file["events"]?.array ?? [] {
      let time = Self.number(event["t_ms"]) ?? 0
      let connection = event["conn"]?.string ?? ""
      switch event["kind"]?.string {
      case "sql":
        let sql = event["sql"]?.string ?? ""
        if case .sql(let before)? = steps.last, events[steps.count - 1].isEmpty, time - sqlEnd < 6 {
          steps[steps.count - 1] = .sql(before + [sql])
        } else {
          add(.sql([sql]))
        }
      case "sql_done": sqlEnd = time
      case "client_close": add(.leave(connection + " "))
      case "frame":
        let isClient = event["dir"]?.string == "client"
        try frame(event["text"]?.string ?? "", connection, isClient: isClient)
      default: break
      }
    }
  }

  private mutating func add(_ step: Step) {
    steps.append(step)
    events.append([])
  }

  private mutating func frame(_ text: String, _ connection: String, isClient: Bool) throws {
    let frame = try JSONNode(parsing: Array(text.utf8))
    let parts = frame.array
    let topic = (parts?[2] ?? frame["topic"])?.string ?? ""
    let payload = parts?[4] ?? frame["payload"]
    let channel = connection + " " + topic
    switch ((parts?[3] ?? frame["event"])?.string, isClient) {
    case ("phx_join", true): add(.join(Self.join(channel, text, payload)))
    case ("phx_leave", true): add(.leave(channel))
    case ("system", false) where payload?["status"]?.string == "error":
      let index = steps.lastIndex {
        if case .join(let join) = $0 { join.channel == channel } else { false }
      }
      if let index, case .join(var join) = steps[index] {
        join.error = payload?["message"]?.string
        steps[index] = .join(join)
      }
    case ("postgres_changes", false):
      let data = try #require(Self.data(of: text))
      let ids = payload?["ids"]?.array?.compactMap(\.int) ?? []
      let whole = Self.expanded(data)
      events[steps.count - 1].append(
        Event(channel: channel, ids: ids, data: Self.withoutTime(whole)))
    default: break
    }
  }

  private static func join(_ channel: String, _ text: String, _ payload: JSONNode?) -> Join {
    let bindings = payload?["config"]?["postgres_changes"]?.array ?? []
    let token = payload?["access_token"]?.string ?? ""
    let words = token.dropFirst("{{JWT:".count).dropLast(2).split(separator: ":")
    let role = words.first.map { String($0) } ?? ""
    let subject = words.count > 1 ? #","sub":"\#(words[1])""# : ""
    return Join(
      channel: channel,
      subscriptions: bindings.enumerated().map { place, binding in
        Subscription(
          event: binding["event"]?.string ?? "*", schema: binding["schema"]?.string,
          table: binding["table"]?.string, filter: binding["filter"]?.string,
          select: binding["select"]?.array?.compactMap(\.string), id: place)
      },
      claims: SubscriptionClaims(role: role, json: #"{"role":"\#(role)"\#(subject)}"#))
  }

  /// The ids that a reply gives to the bindings stand in for their places.
  mutating func useIDs(of name: String) throws {
    let file = try JSONNode(parsing: Array(try Self.text(name + ".json").utf8))
    for event in file["events"]?.array ?? [] where event["dir"]?.string == "server" {
      let frame = try JSONNode(parsing: Array((event["text"]?.string ?? "{}").utf8))
      let topic = (frame.array?[2] ?? frame["topic"])?.string ?? ""
      let channel = (event["conn"]?.string ?? "") + " " + topic
      let payload = frame.array?[4] ?? frame["payload"]
      guard let given = payload?["response"]?["postgres_changes"]?.array else { continue }
      for index in steps.indices {
        guard case .join(var join) = steps[index], join.channel == channel else { continue }
        for place in join.subscriptions.indices where place < given.count {
          join.subscriptions[place].id = given[place]["id"]?.int ?? 0
        }
        steps[index] = .join(join)
      }
    }
  }

  private static func data(of text: String) -> String? {
    guard let begin = text.firstRange(of: #"{"data":"#),
      let end = text.ranges(of: #","ids":["#).last
    else { return nil }
    return String(text[begin.upperBound..<end.lowerBound])
  }

  /// `{{RUN:x:5000}}` stands for 5,000 times `x`.
  private static func expanded(_ text: String) -> String {
    text.replacing(/\{\{RUN:(.):(\d+)\}\}/) { match in
      String(repeating: String(match.1), count: Int(match.2) ?? 0)
    }
  }

  /// A commit's time is another one every time; what it must look like stays.
  static func withoutTime(_ data: String) -> String {
    data.replacing(
      /"commit_timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/,
      with: #""commit_timestamp":"t""#)
  }

  private static func number(_ node: JSONNode?) -> Double? {
    if case .number(let digits)? = node?.value { Double(digits) } else { nil }
  }
}
