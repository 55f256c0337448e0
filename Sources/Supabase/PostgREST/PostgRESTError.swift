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
    /// Nothing was sent: the request cannot be written so that the server is sure to understand it as meant.
    case unwritable
  }

  package let kind: Kind
  /// What the server's words tell beyond status and code.
  package enum Finding: Hashable, Sendable {
    /// 428C9 for a `GENERATED ALWAYS AS (…) STORED` column; `subject` names it.
    case generatedColumn
    /// 428C9 for a `GENERATED ALWAYS AS IDENTITY` column; `subject` names it.
    case identityColumn
    /// The role that the key names does not exist, or the server may not take it on.
    case unusableRole
    /// The body is not PostgREST's: something in front of it answered, or something else altogether.
    case foreignAnswer
  }

  /// `source` or `target`.
  package let project: String
  package let table: TableName?
  /// One sentence: what happened, safe to log.
  package let message: String
  /// `Retry-After`, in seconds.
  package let retryAfter: Int?
  /// The column, constraint or relation the server named, where it is safe to show.
  package let subject: String?
  /// The request would have changed rows, or called a function.
  package let isWrite: Bool
  package let finding: Finding?

  package init(
    kind: Kind, project: String, table: TableName?, message: String, retryAfter: Int? = nil,
    subject: String? = nil, isWrite: Bool = false, finding: Finding? = nil
  ) {
    self.kind = kind
    self.project = project
    self.table = table
    self.message = message
    self.retryAfter = retryAfter
    self.subject = subject
    self.isWrite = isWrite
    self.finding = finding
  }

  package var description: String { message }
}

/// What is to be done about an error: the one place that decides it is `Recovery.init(for:)`.
package enum Recovery: Hashable, Sendable {
  /// The same request again, later (the client does this itself, up to its time budget).
  case retry
  /// A smaller batch.
  case shrink
  /// Halve the batch until the bad rows are alone. Where there is no batch (a page by cursor), the table stops.
  case split
  /// Again after the tables that this one refers to; for a delete, after those that refer to this one.
  case afterParents
  /// The server's schema cache is older than its schema: wait, ask again.
  case awaitSchemaCache
  /// This column cannot be written on the target (generated): leave it out.
  case leaveOut(column: String)
  /// This table cannot go on; what a person should do.
  case stopTable(advice: String)
  /// This project cannot be used at all; what a person should do.
  case stopProject(advice: String)
}
