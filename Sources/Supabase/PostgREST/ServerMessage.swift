import JSON
import Transport

/// What may be told of an error answer: PostgREST's `{code, details, hint, message}`, or whatever a gateway sent.
///
/// `details` and `hint` hold rows and keys, and so do messages of most classes; none of them is repeated. A
/// message is shown only where it is one of PostgreSQL's or PostgREST's own sentences that name nothing but
/// columns, constraints and relations.
struct ServerMessage: Hashable {
  let status: Int
  /// SQLSTATE or PostgREST's code; nil where the body has none that looks like one.
  let code: String?
  let sentence: String
  let subject: String?
  let finding: PostgRESTError.Finding?

  init(_ answer: HTTPAnswer) {
    status = answer.status
    let node = answer.body.count <= 1 << 20 ? try? JSONNode(parsing: answer.body) : nil
    let code = node?["code"]?.string.flatMap { Self.isCode($0) ? $0 : nil }
    self.code = code
    let message = node?["message"]?.string ?? ""
    guard let code else {
      let isEmpty = answer.body.isEmpty || node?.members?.isEmpty == true
      subject = nil
      finding = isEmpty ? nil : .foreignAnswer
      sentence = Self.sentence(status: answer.status, redirect: answer.headers["location"])
      return
    }
    let known = Self.templates.lazy.compactMap { $0.match(code, message) }.first
    subject = known ?? Self.exposedSchemas(code, message, node?["hint"]?.string ?? "")
    if code == "428C9" {
      let details = node?["details"]?.string ?? ""
      let isIdentity = details.hasSuffix("is an identity column defined as GENERATED ALWAYS.")
      finding = isIdentity ? .identityColumn : .generatedColumn
    } else {
      finding = Self.isRole(code, message) ? .unusableRole : nil
    }
    let isOwn = known != nil || Self.isSafe(code)
    let own =
      finding == .unusableRole ? "the database refuses the key's role" : Self.sentence(code: code)
    let shown = isOwn && !message.isEmpty ? Self.shown(message) : own
    sentence = "\(shown) (\(code))"
  }

  /// The list in PGRST106, with commas between the names: in the message up to 12, from then on in the hint.
  private static func exposedSchemas(_ code: String, _ message: String, _ hint: String) -> String? {
    guard code == "PGRST106" else { return nil }
    let heads = [
      (message, "The schema must be one of the following: "),
      (hint, "Only the following schemas are exposed: "),
    ]
    return heads.first { $0.hasPrefix($1) }.map { String($0.dropFirst($1.count)) }
  }

  /// Five or more capitals and digits: text that a function chose as its code may be anything.
  private static func isCode(_ text: String) -> Bool {
    (5...8).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
  }

  /// `auth-role-missing-db`, `auth-role-not-granted`.
  private static func isRole(_ code: String, _ message: String) -> Bool {
    switch code {
    case "22023": message.hasPrefix("role \"") && message.hasSuffix("\" does not exist")
    case "42501": message.hasPrefix("permission denied to set role")
    default: false
    }
  }

  /// Classes whose messages name only what the schema names. Not PGRST100, which quotes the filter; nor PGRST102,
  /// which quotes the body; nor 42601, which quotes the statement.
  private static func isSafe(_ code: String) -> Bool {
    if code.hasPrefix("PGRST") { return code != "PGRST100" && code != "PGRST102" }
    return code.hasPrefix("42") && code != "42601"
  }

  private static func shown(_ message: String) -> String {
    String(message.unicodeScalars.map { $0.value < 0x20 ? " " : Character($0) }.prefix(300))
  }

  private static func sentence(code: String) -> String {
    switch (code.prefix(2), code) {
    case (_, "PGRST100"): "PostgREST does not understand the request"
    case (_, "PGRST102"): "PostgREST found the rows not to be valid JSON"
    case (_, "22P05"), (_, "22021"): "a row holds a character that the database cannot store"
    case (_, "22003"): "a row holds a number out of range"
    case ("22", _): "the database refused a value as invalid for its column"
    case ("21", _): "the same key stands twice in one batch"
    case (_, "23502"): "a row lacks a value that must not be null"
    case (_, "23503"): "a row refers to a row that is not there, or is referred to"
    case (_, "23505"): "a row has a value that another row has and that must be unique"
    case ("23", _), ("44", _): "a row breaks a constraint"
    case (_, "57014"): "the database cancelled the statement: it took too long"
    case (_, "55P03"): "the database gave up waiting for a lock"
    case ("40", _): "the database gave up the transaction for another one"
    case (_, "53100"): "the database's disk is full"
    case ("53", _): "the database is short of resources"
    case ("08", _), ("57", _), ("58", _): "the database is not to be reached or restarting"
    case ("25", _): "the database allows no writing now"
    case ("28", _): "the database refused the log-in"
    case ("54", _): "a row or statement passes one of PostgreSQL's limits"
    case ("P0", _), ("PT", _): "a function or trigger of the database refused"
    case ("XX", _): "the database had an internal error"
    default: "the database refused"
    }
  }

  private static func sentence(status: Int, redirect: String?) -> String {
    switch status {
    case 300..<400:
      // Only scheme and host: what follows may hold anything.
      "it redirects (\(status))"
        + (redirect.flatMap { ProjectURL($0.origin) }.map { " to \($0)" } ?? "")
    case 401: "the key is refused (401)"
    case 403: "access is refused (403)"
    case 404: "there is nothing at this address (404)"
    case 408, 504, 522, 524: "the gateway gave up waiting (\(status))"
    case 413: "the request is too large for the gateway (413)"
    case 429: "too many requests (429)"
    case 540: "the project is paused (540)"
    case 500...: "the server is in trouble (\(status))"
    default: "the request was refused (\(status))"
    }
  }

  /// PostgreSQL's sentences, by code; a gap between two parts is a name.
  private static let templates = [
    Template(
      "23502", "null value in column \"", "\" of relation \"", "\" violates not-null constraint"),
    Template("23502", "null value in column \"", "\" violates not-null constraint"),
    Template(
      "23503", "insert or update on table \"", "\" violates foreign key constraint \"", "\"",
      subject: 1),
    Template(
      "23503", "update or delete on table \"", "\" violates foreign key constraint \"",
      "\" on table \"", "\"", subject: 1),
    Template("23505", "duplicate key value violates unique constraint \"", "\""),
    Template(
      "23514", "new row for relation \"", "\" violates check constraint \"", "\"", subject: 1),
    Template("23514", "value for domain ", " violates check constraint \"", "\"", subject: 1),
    Template("23P01", "conflicting key value violates exclusion constraint \"", "\""),
    Template("42501", "permission denied for table ", ""),
    Template("42501", "permission denied for schema ", ""),
    Template("42501", "new row violates row-level security policy for table \"", "\""),
    Template("42703", "column \"", "\" of relation \"", "\" does not exist"),
    Template("42703", "column \"", "\" does not exist"),
    Template("42703", "column ", " does not exist"),
    Template("42P01", "relation \"", "\" does not exist"),
    Template("428C9", "cannot insert a non-DEFAULT value into column \"", "\""),
    Template("428C9", "column \"", "\" can only be updated to DEFAULT"),
    Template("PGRST204", "Column '", "' of relation '", "' does not exist"),
    Template("PGRST204", "Could not find the '", "' column of '", "' in the schema cache"),
    Template("PGRST205", "Could not find the table '", "' in the schema cache"),
  ]
}

/// A sentence with gaps between its parts, one of which is what the sentence is about.
private struct Template: Hashable {
  let code: String
  let parts: [String]
  /// Which gap.
  let subject: Int

  init(_ code: String, _ parts: String..., subject: Int = 0) {
    self.code = code
    self.parts = parts
    self.subject = subject
  }

  /// The subject; nil where the message is another sentence.
  func match(_ code: String, _ message: String) -> String? {
    guard code == self.code, message.hasPrefix(parts[0]), !message.contains("\n") else {
      return nil
    }
    var gaps: [Substring] = []
    var rest = message.dropFirst(parts[0].count)
    for part in parts.dropFirst().dropLast() {
      guard let range = rest.firstRange(of: part) else { return nil }
      gaps.append(rest[..<range.lowerBound])
      rest = rest[range.upperBound...]
    }
    let end = parts[parts.count - 1]
    guard rest.hasSuffix(end) else { return nil }
    gaps.append(rest.dropLast(end.count))
    return (1...200).contains(gaps[subject].utf8.count) ? String(gaps[subject]) : nil
  }
}

extension String {
  /// Scheme and authority of a URL.
  fileprivate var origin: String {
    let slashes = split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    return slashes.count >= 3 ? "\(slashes[0])//\(slashes[2])" : self
  }
}
