/// The variables of the process and of the file, of which the process's win.
///
/// A variable that is set to nothing counts as not set: that is how a scheduled workflow passes what it does not have.
package struct Environment: Sendable {
  private let process: [String: String]
  private let file: EnvironmentFile?

  package init(process: [String: String], file: EnvironmentFile? = nil) {
    self.process = process
    self.file = file
  }

  /// Where the environment file is, and whether someone said so (then it must be there).
  package static func filePath(process: [String: String]) -> (path: String, isGiven: Bool) {
    let given = Environment(process: process).value(.environmentPath)
    return (given?.text ?? ".env.sync", given != nil)
  }

  package var tableConfigPath: String {
    value(.tableConfig)?.text ?? "config/tables.config.json"
  }

  package var statePath: String { value(.statePath)?.text ?? ".sync-state.json" }

  /// - Throws: what is wrong with the variables' names and the file's lines, for commands that need no project.
  package func check() throws(ConfigurationError) {
    guard problems.isEmpty else { throw ConfigurationError(problems) }
  }

  /// A value and how a message names the variable that it is from.
  struct Value {
    let text: String
    let place: String
  }

  func value(_ name: SettingName) -> Value? { value(of: name.rawValue) }

  /// Of any variable.
  func value(of name: String) -> Value? {
    if let text = process[name]?[...].trimmed, !text.isEmpty {
      return Value(text: String(text), place: name)
    }
    if let file, let value = file.values[name] {
      let text = value.text[...].trimmed
      guard !text.isEmpty else { return nil }
      return Value(text: String(text), place: "\(file.path):\(value.line): \(name)")
    }
    return nil
  }

  /// What is wrong with the variables' names.
  var problems: [String] {
    let known = Settings.variables
    var problems = file?.problems ?? []
    for name in process.keys.sorted() where name.hasPrefix(SettingName.prefix) {
      guard !known.contains(name) else { continue }
      problems.append(Self.unknown(name, known))
    }
    guard let file else { return problems }
    for (name, value) in file.values.sorted(by: { $0.value.line < $1.value.line }) {
      if name == SettingName.environmentPath.rawValue {
        problems.append(
          "\(file.path):\(value.line): \(name) can only be set outside of the file that it names")
      }
      // The file is the mirror's own, so a name that is nearly one of its names is a slip.
      guard !known.contains(name),
        name.hasPrefix(SettingName.prefix)
          || NearestName.find(name, among: known) != nil
      else { continue }
      problems.append("\(file.path):\(value.line): " + Self.unknown(name, known))
    }
    return problems
  }

  private static func unknown(_ name: String, _ known: [String]) -> String {
    "\(name) is not a setting" + NearestName.suggestion(for: name, among: known)
  }
}
