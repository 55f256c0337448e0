extension Arguments {
  static let recoverHelp = """
    supamirror recover finds every row in which the target differs from a project that is right,
    shows what it is going to do, does it, and compares again. Stop the daemon of this pair first.

    usage: supamirror recover [options]

      --dry-run                 make the plan and change nothing
      --plan PATH               with --dry-run: keep the plan there. It holds keys of rows
      --apply PATH              carry out a plan that was kept
      --analyze-only            only say how much differs
      --missing-only            only rows that the target lacks (--mode missing-only)
      --delete-extra            also delete rows that only the target has
      --overwrite-newer         also write over rows that are newer on the target
      --yes                     delete without asking, however many rows these are
      --tables A,B              only these tables, each schema.table
      --schemas A,B             only tables of these schemas
      --exclude-schemas A,B     all but the tables of these schemas
      --from PREFIX             recover from the project of the variables PREFIX_SUPABASE_URL and
                                PREFIX_SUPABASE_SERVICE_ROLE_KEY instead of the configured source
      --quiet, --verbose        only the outcome; everything that the comparisons tell
      --json                    everything as one line of JSON at the end
      --state PATH              the mirror's, instead of SYNC_STATE_PATH (.sync-state.json)
    \(commonHelp)
      -h, --help                this text

    A row is read at the source when it is repaired. One that is newer on the target is left, and
    so is one that has changed there since the plan was made.

    exit status:
      0  both sides are equal in the end
      1  they are not: --dry-run and --analyze-only found something, or rows were left
      2  the configuration or the command line is wrong, the plan does not fit, or another
         process uses the state
      3  a project cannot be reached, or refuses the key
    """
}
