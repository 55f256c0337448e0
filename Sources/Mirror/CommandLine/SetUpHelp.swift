extension Arguments {
  static let initHelp = """
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

  static let checkHelp = """
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
}
