/// Why a channel did not come about or did not last, and when it is joined again.
struct ChannelEnd: Hashable {
  enum Return: Hashable {
    /// With backoff.
    case soon
    /// With backoff, but after a limit's pause at the least.
    case afterLimit
    /// After a long pause: another try would end the same way until somebody changes something.
    case late
  }

  let problem: FeedProblem
  let comesBack: Return
  /// The limit was one of all joins of the socket.
  var isOfAllChannels = false

  init(_ kind: FeedProblem.Kind, _ text: String, _ comesBack: Return = .soon) {
    problem = FeedProblem(kind, text)
    self.comesBack = comesBack
  }
}

extension ChannelEnd {
  /// - Parameter reason: of a refused join: `Code: text`, or a bare text. Codes as in the server's source; the ones
  ///   for tokens and limits are in the recordings `join_tokens`, `limit_channels`, `limit_joins`, `odd_messages`.
  init(refusedJoin reason: String, shown: String) {
    let code = String(reason.prefix { $0 != ":" })
    switch code {
    case "InvalidJWTToken", "MalformedJWT", "JwtSignatureError", "JwtSignerError", "Unauthorized",
      "PrivateOnly":
      self.init(
        .token,
        "Realtime refused the key (\(shown)); use the project's current service_role or sb_secret_ key.",
        .late)
    case "ChannelRateLimitReached", "too many channels joined":
      self.init(
        .limit,
        "Realtime refused the channel (\(shown)); close other clients or raise the project's limit.",
        .afterLimit)
    case "ConnectionRateLimitReached", "ClientJoinRateLimitReached":
      self.init(
        .limit,
        "Realtime refused the channel (\(shown)); close other clients or raise the project's limit.",
        .afterLimit)
      isOfAllChannels = true
    case "DatabaseConnectionRateLimitReached", "IncreaseConnectionPool":
      self.init(
        .limit, "Realtime has no connection to the database to spare (\(shown)).", .afterLimit)
    case "UnableToConnectToProject", "DatabaseLackOfConnections", "InitializingProjectConnection",
      "QueryCanceled":
      self.init(.connection, "Realtime cannot reach the project's database (\(shown)).")
    case "TenantNotFound":
      self.init(
        .connection, "Realtime does not know this project (\(shown)); check the project's URL.",
        .late)
    case "RealtimeDisabledForTenant":
      self.init(
        .connection,
        "Realtime is switched off for this project (\(shown)); switch it on in the project's settings.",
        .late)
    case "TopicNameRequired":
      self.init(.server, "Realtime refused the channel's name (\(shown)).", .late)
    default:
      self.init(.server, "Realtime refused the channel (\(shown)).")
    }
  }

  /// A `system` message with status `error`.
  ///
  /// - Returns: nil where it is none.
  init?(_ message: SystemMessage, of tables: [FeedTable], shown: String) {
    guard !message.isOK else { return nil }
    let text = message.text
    if !message.isOfChanges {
      if Self.isAboutTokens(text) {
        self.init(
          .token,
          "Realtime ended the channel (\(shown)); use the project's current service_role or sb_secret_ key."
        )
      } else if text.hasPrefix("Too many") {
        self.init(.limit, "Realtime ended the channel (\(shown)).", .afterLimit)
      } else {
        self.init(.server, "Realtime ended the channel (\(shown)).")
      }
    } else if text.hasPrefix("Unable to subscribe to changes") {
      if text.contains("Exception: ERROR 42704 (undefined_object) role ") {
        self.init(
          .token, "The key's role is unknown to the database (\(shown)).", .late)
      } else {
        let table = Self.table(namedIn: text, of: tables)
        self.init(
          .table(table),
          "\(table.map { "\($0)" } ?? "A table") cannot be subscribed; add it to the publication supabase_realtime, and check the spelling of its schema and name (\(shown)).",
          .late)
      }
    } else if text.hasPrefix("Error parsing") || text.hasPrefix("No subscription params") {
      self.init(.table(nil), "The tables cannot be subscribed (\(shown)).", .late)
    } else if text == "Too many database timeouts" {
      self.init(.connection, "Realtime cannot reach the project's database (\(shown)).")
    } else {
      self.init(.server, "Realtime could not subscribe (\(shown)).")
    }
  }

  private static func isAboutTokens(_ text: String) -> Bool {
    let words = ["token", "jwt", "unauthorized", "`role` and `exp`"]
    let text = text.lowercased()
    return words.contains { text.contains($0) }
  }

  /// The message names the binding unquoted: `[event: *, schema: public, table: a, filters: [], select: nil]`. A
  /// table is known only where exactly one of ours fits.
  private static func table(namedIn text: String, of tables: [FeedTable]) -> TableName? {
    let fitting = Set(tables.map(\.name)).filter {
      text.contains("[event: *, schema: \($0.schema), table: \($0.name), filters: []")
    }
    return fitting.count == 1 ? fitting.first : nil
  }
}
