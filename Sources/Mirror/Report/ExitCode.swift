/// What the process tells whoever started it; `supamirror status` gives the same numbers as `StatusAnswer` says.
package enum ExitCode: Int32, Hashable, Sendable {
  /// Everything is mirrored.
  case clean = 0
  /// Something is quarantined, held, not mirrored or failed.
  case incomplete = 1
  /// The configuration or the command line is wrong, or the state file is another pair's.
  case configuration = 2
  /// A project cannot be reached, or refuses the key.
  case project = 3
}

extension PassReport {
  /// What ended the pass counts more than what is left in the tables.
  package var exitCode: ExitCode {
    if stopped != nil {
      return switch stopKind {
      case .project: .project
      case .configuration: .configuration
      case .here: .incomplete
      }
    }
    return unmirrored.isEmpty && tables.allSatisfy(\.isClean) ? .clean : .incomplete
  }
}
