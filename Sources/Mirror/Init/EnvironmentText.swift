/// What `supamirror init` writes to `.env.sync`.
package enum EnvironmentText {
  /// For a person to fill in.
  package static let template = """
    # Supamirror's settings; .env.sync.example and the manual list all of them. This file holds two keys that open
    # everything: keep it to yourself (mode 0600) and out of version control.

    # The project to copy: Settings > Data API has its URL, Settings > API Keys its service_role or sb_secret_ key.
    SYNC_SOURCE_SUPABASE_URL=
    SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY=

    # The project to write, the same two.
    SYNC_TARGET_SUPABASE_URL=
    SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY=

    """

  /// Whether the process's environment says anything of the two projects.
  package static func namesProjects(_ variables: [String: String]) -> Bool {
    required.contains { !(variables[$0.rawValue]?[...].trimmed.isEmpty ?? true) }
  }

  private static let required: [SettingName] = [.sourceURL, .sourceKey, .targetURL, .targetKey]

  /// The settings of the process's environment, as a file.
  package static func file(of variables: [String: String]) -> String {
    var text =
      "# Written by supamirror init from the environment. It holds two keys: keep it to yourself.\n"
    for name in SettingName.allCases where name != .environmentPath {
      guard let value = variables[name.rawValue]?[...].trimmed, !value.isEmpty else { continue }
      text += "\(name.rawValue)=\(quoted(String(value)))\n"
    }
    return text
  }

  /// Bare where the file's grammar takes it as it is.
  private static func quoted(_ value: String) -> String {
    let isPlain = value.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-._:/,+=@%?&~".utf8.contains(byte)
      }
    }
    if isPlain { return value }
    var quoted = "\""
    for scalar in value.unicodeScalars {
      if "\"\\$`".unicodeScalars.contains(scalar) { quoted += "\\" }
      if scalar == "\n" { quoted += "\\n" } else { quoted.unicodeScalars.append(scalar) }
    }
    return quoted + "\""
  }
}
