import Supabase

/// The SQL that both projects get: the ledger of deletes, the triggers that write it, the marker rows, the
/// publication of the tables, and the functions that a mirror calls over REST.
///
/// `sql` may be run any number of times, with other tables each time: triggers are made anew for the tables
/// given here and taken off every other table. It has no `begin` or `commit`: `supabase db push` and the
/// SQL editor bring their own transaction.
package struct Migration: Sendable {
  /// What `public.sync_version()` answers where this migration is installed. Raised by every change that a
  /// mirror could notice.
  package static let version = 3

  /// What `supamirror migration` prints, to be saved as
  /// `supabase/migrations/<timestamp>_create_sync_deletions_table.sql`.
  package var sql: String
  /// Takes away everything that `sql` made, the entries of the ledger included.
  package var reverseSQL: String

  package init(tables: [TableConfiguration]) {
    sql = [
      Self.introduction, Self.registerTables(tables), Self.ledgerTables, Self.triggerFunctions,
      Self.attachTriggers(to: tables),
      Self.heartbeat, Self.publishTables(tables), Self.feedFunction, Self.mirrorFunctions,
      Self.horizonFunction, Self.surveyFunctions, Self.sequenceFunctions, Self.catalogueFunction,
      Self.digestFunctions, Self.functionPrivileges,
      Self.schemaReload,
    ].joined(separator: "\n")
    reverseSQL = [Self.reverseIntroduction, Self.removal, Self.schemaReload].joined(separator: "\n")
  }

  /// A text as an SQL literal, whatever `standard_conforming_strings` is.
  static func literal(_ text: String) -> String {
    var escaped = ""
    var hasBackslash = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'": escaped += "''"
      case "\\":
        escaped += "\\\\"
        hasBackslash = true
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return (hasBackslash ? "E'" : "'") + escaped + "'"
  }

  /// A body between dollar quotes with a tag that the body does not contain.
  static func dollarQuoted(_ body: String) -> String {
    var tag = "$sync$"
    while body.contains(tag) { tag = "$sync_" + tag.dropFirst("$sync".count) }
    return tag + "\n" + body + "\n" + tag
  }

  private static let introduction = """
    -- Supamirror: the ledger of deletes and the marker rows, version \(version).
    --
    -- A deleted row leaves nothing behind that a mirror could find over REST. So triggers write the key of
    -- each deleted row, of each row whose key changes, and each TRUNCATE to public.sync_deletions; the mirror
    -- reads those entries, looks at these keys again, and marks the entries as processed. A row in
    -- public.sync_heartbeat that comes back proves that changes are reported as they happen.
    --
    -- Apply it to both projects, as the owner of the tables (on Supabase: postgres), with
    -- `supabase db push`, the SQL editor or `psql --single-transaction`. Print it again with
    -- `supamirror migration` whenever tables.config.json has changed, and apply it under a new time stamp:
    -- it can be run any number of times. `supamirror migration --reverse` prints the way back.

    """

  private static let reverseIntroduction = """
    -- Supamirror: takes the ledger of deletes and the marker rows out of this database: triggers, functions,
    -- tables and every entry. A mirror that runs on afterwards does not learn of deletes any more, and says so.
    -- public.sync_heartbeat leaves the publication supabase_realtime with this; the tables that were added to
    -- it stay, as others may listen to them.

    """

  private static let schemaReload = """
    -- PostgREST learns of the functions.
    notify pgrst, 'reload schema';

    """
}
