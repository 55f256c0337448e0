/// One Supabase project: where it is and the key that opens it.
package struct Project: Hashable, Sendable {
  /// `source` or `target`, as messages name it.
  package let role: String
  package let url: ProjectURL
  package let key: ServiceKey

  package init(role: String, url: ProjectURL, key: ServiceKey) {
    self.role = role
    self.url = url
    self.key = key
  }

  /// Why this key must not be used with this URL; nil where nothing speaks against it. Nothing is sent.
  package var keyProblem: KeyProblem? { KeyProblem(key: key, url: url) }
}
