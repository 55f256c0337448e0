/// Everything that is wrong with a configuration, at once: a sentence each, with the variable or the place in the file, and
/// never a key's value.
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  package var problems: [String]

  package init(_ problems: [String]) { self.problems = problems }

  package var description: String { problems.joined(separator: "\n") }
}
