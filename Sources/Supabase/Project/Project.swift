/// One Supabase project: where it is and the key that opens it.
package struct Project: Sendable {
  /// `source` or `target`, as messages name it.
  package let role: String
  package let url: ProjectURL
  package let key: ServiceKey

  package init(role: String, url: ProjectURL, key: ServiceKey) {
    self.role = role
    self.url = url
    self.key = key
  }
}

/// A project's base URL in one normal form (lower-case scheme and host, no trailing slash, no default port), so
/// that two spellings of one project are equal.
package struct ProjectURL: Hashable, Sendable, CustomStringConvertible {
  package let description: String

  /// nil where the text is not an http or https URL with a host, or has user info, a query or a fragment.
  package init?(_ text: String) { description = text }
}

/// A project's secret. It never shows itself: descriptions, mirrors and dumps are redacted.
package struct ServiceKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  package let secret: String

  package init(_ secret: String) { self.secret = secret }

  package var description: String { "[service key]" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
