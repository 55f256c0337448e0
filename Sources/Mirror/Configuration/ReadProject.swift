package import Supabase

extension Environment {
  /// The project that `PREFIX_SUPABASE_URL` and `PREFIX_SUPABASE_SERVICE_ROLE_KEY` name.
  ///
  /// - Throws: what is wrong with them, without a value that could be a key.
  package func project(
    prefix: String, role: String, other: Project
  ) throws(ConfigurationError) -> Project {
    let isName = prefix.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isName, !prefix.hasPrefix(SettingName.prefix) else {
      throw ConfigurationError([
        "--from must be \(Option.from.valueName): letters, digits and underscores, not beginning with "
          + SettingName.prefix
      ])
    }
    let names = (url: "\(prefix)_SUPABASE_URL", key: "\(prefix)_SUPABASE_SERVICE_ROLE_KEY")
    guard let urlValue = value(of: names.url), let keyValue = value(of: names.key) else {
      throw ConfigurationError(
        [names.url, names.key].filter { value(of: $0) == nil }.map {
          "\($0) is not set; --from \(prefix) needs it"
        })
    }
    guard let url = ProjectURL(urlValue.text) else {
      throw ConfigurationError([
        "\(urlValue.place) is not the URL of a project; it looks like https://abcdefghijklmnopqrst.supabase.co"
      ])
    }
    let key = ServiceKey(keyValue.text)
    if let problem = KeyProblem(key: key, url: url) {
      throw ConfigurationError(["\(keyValue.place): \(problem)"])
    }
    guard url != other.url else {
      throw ConfigurationError([
        "\(names.url) is the target; a project cannot be recovered from itself"
      ])
    }
    return Project(role: role, url: url, key: key)
  }
}
