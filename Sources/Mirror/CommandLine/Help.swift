extension Arguments {
  /// What `--help` prints for the command.
  package var help: String {
    switch command {
    case .mirror: Self.mirrorHelp
    case .migration: Self.migrationHelp
    case .status: Self.statusHelp
    case .`init`: Self.initHelp
    case .check: Self.checkHelp
    }
  }

  private static let mirrorHelp = """
    supamirror keeps one Supabase project as a faithful copy of another, over HTTPS.

    usage: supamirror init                    begin here: writes the configuration
           supamirror migration [--reverse]   the SQL that both projects need
           supamirror check [--json]          what is not right yet, and what mends it
           supamirror --cron [options]        one pass, then exits
           supamirror [run] [options]         the daemon: mirrors until it is stopped
           supamirror status [--json]         how the daemon is doing

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

  private static let initHelp = """
    supamirror init writes config/tables.config.json for the source's tables: their keys, the
    columns by which changes are found, and what Realtime can follow. It asks nothing and
    changes nothing in either project.

    usage: supamirror init [--schema S]... [--force] [options]

      --schema S                only tables of this schema; may be repeated. If not given:
                                every schema that is served, but for Supabase's own
      --force                   write the table configuration anew over the one that is there
    \(commonHelp)
      -h, --help                this text

    The two projects come from the environment or .env.sync. Where neither says anything, a
    .env.sync to fill in is written. A table configuration that is there is never touched
    without --force: what has changed in the schema since is shown (+, - and ~ table).

    exit status:
      0  the table configuration is written, or is up to date
      1  the schema has changed since, or no table can be mirrored; nothing was written
      2  the configuration or the command line is wrong, or .env.sync is to be filled in
      3  a project cannot be reached, or refuses the key
    """

  private static let checkHelp = """
    supamirror check looks at both projects and the configuration, and says what stands in the
    way of a faithful copy: why it matters, and the SQL or setting that mends it. It writes
    nothing, and may run at any time, beside the daemon too.

    usage: supamirror check [--json | --sql source|target] [options]

      --json                    the findings as one line of JSON; their names are stable
      --sql source|target       only the SQL that mends that project, to be read and run
      --state PATH              checkpoints, instead of SYNC_STATE_PATH (.sync-state.json)
    \(commonHelp)
      -h, --help                this text

    exit status:
      0  nothing is to be mended (there may be things to look at, marked !)
      1  something is to be mended (marked with a cross)
      2  the configuration or the command line is wrong
      3  a project cannot be reached, or refuses the key
    """

  private static let commonHelp = """
      --table-config PATH       instead of SYNC_TABLE_CONFIG (config/tables.config.json)
      --env-file PATH           instead of SYNC_ENV_PATH (.env.sync)
      --log-format text|json    how the log (stderr) and the report (stdout) are written
      --log-level LEVEL         debug, info, warning or error; info if not given
    """
}
