extension Arguments {
  /// What `--help` prints for the command.
  package var help: String {
    switch command {
    case .mirror: Self.mirrorHelp
    case .migration: Self.migrationHelp
    case .status: Self.statusHelp
    case .promote: Self.promoteHelp
    case .backfill: Self.backfillHelp
    case .`init`: Self.initHelp
    case .check: Self.checkHelp
    case .verify: Self.verifyHelp
    case .recover: Self.recoverHelp
    }
  }

  private static let mirrorHelp = """
    supamirror keeps one Supabase project as a faithful copy of another, over HTTPS.

    usage: supamirror init                    begin here: writes the configuration
           supamirror migration [--reverse]   the SQL that both projects need
           supamirror check [--json]          what is not right yet, and what mends it
           supamirror backfill [options]      copies whole tables
           supamirror [run] [options]         the daemon: mirrors until it is stopped
           supamirror --cron [options]        one pass, then exits
           supamirror status [--json]         how the daemon is doing
           supamirror verify [options]        whether both projects are equal, row by row
           supamirror promote [--dry-run]     the target takes over
           supamirror recover [options]       repairs the target by a plan

      --cron                    make one pass: copy what changed, say what was done, exit
      --approve-deletes TABLE   with --cron: apply the held deletes of schema.table, or of
                                all tables with `all`; may be repeated
      --state PATH              checkpoints, instead of SYNC_STATE_PATH (.sync-state.json)

    for every command:
    \(commonHelp)
      -h, --help                this text; `supamirror status --help` for that command
      --version                 the version

    Settings are SYNC_ variables of the environment, or of the file .env.sync, where
    .env.sync.example explains each of them. Tables are listed in config/tables.config.json.

    exit status:
      0  everything is mirrored
      1  something is quarantined, held, not mirrored or failed; the report says what
      2  the configuration or the command line is wrong; nothing was copied
      3  a project cannot be reached, or refuses the key
    """

  private static let migrationHelp = """
    supamirror migration prints the SQL that both projects need, so that deletes are mirrored
    and late rows are not missed, for the tables in the configuration.

    usage: supamirror migration [--reverse] [options] > migration.sql

      --reverse                 print the SQL that takes everything away again
    \(commonHelp)
      -h, --help                this text

    Apply what it prints to both projects, in the SQL editor or with `supabase db push`, and
    again whenever the table configuration has changed. It can be run any number of times.
    """

  private static let statusHelp = """
    supamirror status tells how the daemon is doing, from the file that it keeps beside its
    state. It asks no project, so it answers while one is down.

    usage: supamirror status [--json] [options]

      --json                    everything as one line of JSON, as /status.json has it, and
                                running, process and ageSeconds
      --state PATH              the daemon's, instead of SYNC_STATE_PATH (.sync-state.json)
    \(commonHelp)
      -h, --help                this text

    exit status:
      0  the copy may be relied on
      1  something needs attention, or the copy is not ready
      2  there is no status, or the configuration or the command line is wrong
      3  the daemon does not run, or its status is older than 30 seconds
    """

  private static let promoteHelp = """
    supamirror promote lets the target take over: it copies what the source still has, compares
    the two, brings the target's sequences past every number in use, and prints what is left to
    do by hand and the mirror in the other direction. Stop writing at the source first.

    usage: supamirror promote [--dry-run] [--accept-loss] [options]

      --dry-run                 say what would be done, and change nothing
      --accept-loss             go on where rows may be lost: the source is gone, still written
                                to, or not equal; each such thing is named
      --headroom N              numbers of each sequence to leave free for rows that come late,
                                times its increment; 1000 if not given
      --json                    everything as one line of JSON at the end
      --state PATH              the mirror's, instead of SYNC_STATE_PATH (.sync-state.json)
    \(commonHelp)
      -h, --help                this text

    exit status:
      0  promoted; with --dry-run: nothing stands in the way
      1  not promoted: something stands in the way, and is named
      2  the configuration or the command line is wrong
      3  not promoted: a project cannot be reached, or refuses the key
    """

  private static let backfillHelp = """
    supamirror backfill copies whole tables, shows how far it is, and makes a pass. It can be
    stopped at any time: the next one, or any pass, goes on where it ended.

    usage: supamirror backfill [options]      every table that was not copied whole yet

      --table TABLE             schema.table, whether it was copied or not; may be repeated
      --all                     every table, whether it was copied or not
      --dry-run                 say what would be copied and how much that is; write nothing
      --state PATH              checkpoints, instead of SYNC_STATE_PATH (.sync-state.json)
    \(commonHelp)
      -h, --help                this text

    SYNC_MAX_REQUESTS and SYNC_MAX_BYTES_PER_SECOND limit what it asks of both projects.

    exit status:
      0  everything is mirrored; with --dry-run: every table can be
      1  something is quarantined, held, not mirrored or failed; the report says what
      2  the configuration or the command line is wrong, or another process uses the state
      3  a project cannot be reached, or refuses the key
    """

  private static let verifyHelp = """
    supamirror verify compares both projects, every value of every row, and changes nothing. It
    may run beside a daemon: what it finds different is looked at until the mirror had its time.
    Where the migration is installed the databases compare digests; else every row is read.

    usage: supamirror verify [options]

      --table TABLE             compare schema.table only; may be repeated
      --show-keys               name the rows that differ: their keys are data
      --json                    the report as one line of JSON
      --markdown PATH           write the report there as well, in Markdown
      --state PATH              checkpoints, instead of SYNC_STATE_PATH (.sync-state.json)
    \(commonHelp)
      -h, --help                this text

    A comparison that was stopped goes on where it was, for a day.

    exit status:
      0  every row is equal
      1  rows differ or could not be compared; the report says how many and what is known of them
      2  the configuration or the command line is wrong
      3  a project cannot be reached, or refuses the key
    """

  static let commonHelp = """
      --table-config PATH       instead of SYNC_TABLE_CONFIG (config/tables.config.json)
      --env-file PATH           instead of SYNC_ENV_PATH (.env.sync)
      --log-format text|json    how the log (stderr) and the report (stdout) are written
      --log-level LEVEL         debug, info, warning or error; info if not given
    """
}
