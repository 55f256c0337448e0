import Supabase

/// What `supamirror init` says.
package struct InitText: Sendable {
  let proposals: [TableProposal]
  /// Whether triggers, indexes and publications could be seen.
  let isDetailed: Bool
  /// Options that further commands need as well, such as ` --env-file x`.
  let options: String

  package init(_ proposals: [TableProposal], isDetailed: Bool, options: String) {
    self.proposals = proposals
    self.isDetailed = isDetailed
    self.options = options
  }

  /// Tables with something to be said of them, then those that are left out.
  package var remarks: String {
    var text = ""
    let configured = proposals.filter { $0.configuration != nil }
    for proposal in configured where !proposal.remarks.isEmpty {
      text += "! \(LogLine.printable(proposal.table.description))\n" + Self.lines(proposal)
    }
    let views = proposals.filter { $0.isView }
    for proposal in proposals where proposal.configuration == nil && !proposal.isView {
      text +=
        "- \(LogLine.printable(proposal.table.description)) is left out\n" + Self.lines(proposal)
    }
    if !views.isEmpty {
      text += CheckReport.wrapped(
        "views, left out: "
          + views.map { LogLine.printable($0.table.description) }.joined(separator: ", "),
        first: "- ", rest: "  ")
    }
    if !text.isEmpty, proposals.contains(where: { $0.remarks.contains { $0.sql != nil } }) {
      text += CheckReport.wrapped(
        "`alter table` above is for both projects, the rest of the SQL for the source alone. Where "
          + "you run any of it, run supamirror init --force\(options) again after it.",
        first: "", rest: "")
    }
    return text
  }

  private static func lines(_ proposal: TableProposal) -> String {
    var text = ""
    for remark in proposal.remarks {
      text += CheckReport.wrapped(LogLine.printable(remark.text), first: "    ", rest: "    ")
      for line in (remark.sql ?? "").split(separator: "\n") {
        text += "      \(LogLine.printable(String(line)))\n"
      }
    }
    return text
  }

  package var summary: String {
    let count = proposals.count { $0.configuration != nil }
    let left = proposals.count { $0.configuration == nil }
    return "\(count) table\(count == 1 ? "" : "s") to mirror"
      + (left > 0 ? ", \(left) left out" : "")
  }

  /// The commands that come next, as they are to be typed.
  package var nextSteps: String {
    """

    Next:
      1. supamirror migration\(options) > sync.sql
         Apply sync.sql to BOTH projects: paste it into Dashboard > SQL Editor and run it, or
         psql "<connection string>" --single-transaction -f sync.sql
      2. supamirror check\(options)
         Says what is not right yet, and the SQL that mends it.
      3. supamirror backfill\(options)
         The first copy, of everything; run it again whenever it was interrupted.
      4. supamirror\(options)
         From now on: the daemon. Where nothing can run all the time, repeat supamirror --cron.

    """
      + (isDetailed
        ? ""
        : "Indexes and triggers cannot be seen before step 1; afterwards `supamirror init\(options)` tells what it\n"
          + "would choose now that it sees them.\n")
  }

  /// What to say where neither the environment nor a file names the projects.
  package static func fillIn(_ path: String, options: String) -> String {
    """
    There were no settings yet, so \(path) was written (mode 0600). Fill in its four lines:
      SYNC_SOURCE_SUPABASE_URL, SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY   the project to copy
      SYNC_TARGET_SUPABASE_URL, SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY   the project to write
    Both keys are service_role or sb_secret_ keys (Supabase: Settings > API Keys). Then run
      supamirror init\(options)

    """
  }

  package static func shellWord(_ text: String) -> String { Attention.shellWord(text) }
}

extension TableProposal {
  fileprivate var isView: Bool {
    configuration == nil && remarks.first?.text.hasPrefix("a view") == true
  }
}

/// Schemas that are Supabase's own, or made by its extensions, and hold nothing of the user's.
package enum SystemSchema {
  package static func isSystem(_ schema: String) -> Bool {
    known.contains(schema) || schema.hasPrefix("pg_") || schema.hasPrefix("supabase_")
      || schema.hasPrefix("_")
  }

  private static let known: Set<String> = [
    "auth", "cron", "extensions", "graphql", "graphql_public", "information_schema", "net",
    "pgbouncer", "pgmq", "pgmq_public", "pgsodium", "pgsodium_masks", "pgtle", "realtime",
    "storage",
    "tiger", "tiger_data", "topology", "vault",
  ]
}
