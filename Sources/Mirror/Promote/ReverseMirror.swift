import Supabase

/// The mirror that copies back what is written after the switch: the same one with source and target exchanged.
package struct ReverseMirror: Hashable, Sendable {
  /// The content of an environment file, without keys.
  package let environment: String
  /// What follows, in order: shell commands, and comments on what no command does.
  package let commands: [String]

  package static let path = ".env.sync.reverse"

  /// - Parameters:
  ///   - name: of the mirror that ends here.
  ///   - environmentPath: where its own keys and settings stand.
  package init(_ settings: Settings, name: String, environmentPath: String) {
    let newName = Self.name(name)
    let statePath = Self.statePath(settings.statePath)
    func key(_ role: SettingName, from old: SettingName) -> String {
      "# The value that \(old.rawValue) has in \(environmentPath).\n\(role.rawValue)=\n"
    }
    var text =
      "# The way back: what is written to \(settings.target.url) from now on goes to\n"
      + "# \(settings.source.url). Rows that were only there stay there.\n"
    text += "\(SettingName.sourceURL.rawValue)=\(settings.target.url)\n"
    text += key(.sourceKey, from: .targetKey)
    text += "\(SettingName.targetURL.rawValue)=\(settings.source.url)\n"
    text += key(.targetKey, from: .sourceKey)
    text += "\(SettingName.mirrorName.rawValue)=\(newName)\n"
    text += "\(SettingName.statePath.rawValue)=\(statePath)\n"
    text += "\(SettingName.tableConfig.rawValue)=\(settings.tableConfigPath)\n"
    text += "# Everything, so that both are equal to begin with.\n"
    text += "\(SettingName.initialBackfill.rawValue)=all\n"
    for (name, value) in Self.kept(settings) { text += "\(name.rawValue)=\(value)\n" }
    environment = text
    commands = [
      "# The old mirror must not run again: it would write old rows over new ones.",
      "sudo systemctl disable --now supamirror supamirror-cron.timer",
      "# Point the application at \(settings.target.url).",
      "# When the old project is back: save the lines above, fill in both keys, and",
      "chmod 600 \(Self.path)",
      "supamirror --env-file \(Self.path) --cron",
      "supamirror --env-file \(Self.path)",
      "# At the old project, so that its ledger keeps nothing for the old mirror:",
      "# select sync_forget_mirror('\(name)');",
    ]
  }

  /// Names are limited to 63 characters. Who switches back has the first name again.
  static func name(_ name: String) -> String {
    name.hasSuffix(suffix)
      ? String(name.dropLast(suffix.count)) : String(name.prefix(63 - suffix.count)) + suffix
  }

  private static let suffix = "-reverse"

  /// Beside the old one, which stays as it is.
  static func statePath(_ path: String) -> String {
    let ending = ".json"
    let stem = path.hasSuffix(ending) ? String(path.dropLast(ending.count)) : path
    let bare =
      stem.hasSuffix(suffix) ? String(stem.dropLast(suffix.count)) : stem + suffix
    return bare + (path.hasSuffix(ending) ? ending : "")
  }

  /// Settings that were chosen and mean the same in either direction.
  private static func kept(_ settings: Settings) -> [(SettingName, String)] {
    let plain = Settings(source: settings.source, target: settings.target)
    func milliseconds(_ duration: Duration) -> String { "\(Int64(duration / .milliseconds(1)))" }
    var kept: [(SettingName, String)] = []
    func keep<Value: Equatable>(
      _ name: SettingName, _ path: KeyPath<Settings, Value>, _ text: (Value) -> String
    ) {
      let value = settings[keyPath: path]
      if value != plain[keyPath: path] { kept.append((name, text(value))) }
    }
    keep(.realtime, \.realtime) { "\($0)" }
    keep(.loop, \.loop) { "\($0)" }
    keep(.reconcileInterval, \.reconcileInterval, milliseconds)
    keep(.lookback, \.lookback, milliseconds)
    keep(.batchSize, \.batchSize) { "\($0)" }
    keep(.maxRequests, \.maxRequests) { "\($0)" }
    keep(.maxBytesPerSecond, \.maxBytesPerSecond) { $0.map { "\($0)" } ?? "" }
    keep(.deletes, \.deletes) { "\($0)" }
    keep(.deleteLimitRows, \.deleteLimitRows) { "\($0)" }
    keep(.deleteLimitPercent, \.deleteLimitPercent) { "\($0)" }
    keep(.quarantineLimit, \.quarantineLimit) { "\($0)" }
    keep(.caFile, \.caFile) { $0 ?? "" }
    keep(.requestTime, \.requestTime, milliseconds)
    keep(.retryTime, \.retryTime, milliseconds)
    keep(.heartbeatInterval, \.heartbeatInterval, milliseconds)
    keep(.lagLimit, \.lagLimit, milliseconds)
    keep(.statusListen, \.statusPort) { $0.map { "\($0)" } ?? "" }
    return kept
  }
}
