package import Transport

/// One request to a project failed. Neither sentence nor fields hold keys or row data.
package struct PostgRESTError: Error, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// No answer: the transport's error.
    case transport(HTTPError.Kind)
    /// An answer with an error: SQLSTATE or PGRST code where the body was PostgREST's.
    case server(status: Int, code: String?)
    /// A 2xx answer that is not what was asked for: wrong content type, not JSON, other shape.
    case unreadable
  }

  package let kind: Kind
  /// `source` or `target`.
  package let project: String
  package let table: TableName?
  /// One sentence: what happened, safe to log.
  package let message: String
  /// `Retry-After`, in seconds.
  package let retryAfter: Int?
  /// The column, constraint or relation the server named, where it is safe to show.
  package let subject: String?

  package init(
    kind: Kind, project: String, table: TableName?, message: String, retryAfter: Int? = nil,
    subject: String? = nil
  ) {
    self.kind = kind
    self.project = project
    self.table = table
    self.message = message
    self.retryAfter = retryAfter
    self.subject = subject
  }

  package var description: String { message }
}

/// What is to be done about an error: the one place that decides it is `Recovery.init(for:)`.
package enum Recovery: Hashable, Sendable {
  /// The same request again, later (the client does this itself, up to its time budget).
  case retry
  /// A smaller batch.
  case shrink
  /// Halve the batch until the bad rows are alone.
  case split
  /// Again after the tables that this one refers to.
  case afterParents
  /// The server's schema cache is older than its schema: wait, ask again.
  case awaitSchemaCache
  /// This column cannot be written on the target (generated): leave it out.
  case leaveOut(column: String)
  /// This table cannot go on; what a person should do.
  case stopTable(advice: String)
  /// This project cannot be used at all; what a person should do.
  case stopProject(advice: String)

  package init(for error: PostgRESTError) { fatalError("skeleton") }
}
