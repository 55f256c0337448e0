import JSON
import LocalSupabase
import Transport

/// What many begin with: a script that reads pages of 500 by the time of the last change, one after the other, and
/// upserts each as the usual client library sends it.
struct NaiveCopy {
  let shape: RowShape
  let route: Route

  private static let script = """
    import http.client, json, os, sys, time
    from urllib.parse import quote, urlsplit

    table, limit = sys.argv[1], int(sys.argv[2])

    class Project:
        def __init__(self, side):
            url = urlsplit(os.environ[side + '_URL'])
            kind = http.client.HTTPSConnection if url.scheme == 'https' else http.client.HTTPConnection
            self.connection = kind(url.netloc)
            key = os.environ[side + '_KEY']
            self.headers = {'apikey': key, 'Authorization': 'Bearer ' + key}

        def ask(self, method, path, body=None, headers={}):
            self.connection.request(method, '/rest/v1/' + path, body, self.headers | headers)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                sys.exit('%s %s' % (answer.status, text[:300]))
            return text

    source, target = Project('SOURCE'), Project('TARGET')
    last, copied, start = '1970-01-01T00:00:00+00:00', 0, time.monotonic()
    while copied < limit:
        page = source.ask('GET', table + '?select=*&updated_at=gt.' + quote(last) + '&order=updated_at&limit=500')
        rows = json.loads(page)
        if not rows:
            break
        columns = ','.join('"%s"' % name for name in rows[0])
        target.ask('POST', table + '?columns=' + quote(columns) + '&on_conflict=id', json.dumps(rows),
            {'Content-Type': 'application/json', 'Prefer': 'resolution=merge-duplicates,return=minimal'})
        last, copied = rows[-1]['updated_at'], copied + len(rows)
    print(json.dumps({'rows': copied, 'seconds': str(time.monotonic() - start)}))

    """

  /// Copies about so many rows.
  ///
  /// - Returns: how long that took, without the start of the interpreter.
  func run(rows: Int) async throws -> (rows: Int, time: Duration) {
    var environment = ProcessEnvironment.read()
    for (side, end) in [("SOURCE", route.source), ("TARGET", route.target)] {
      environment["\(side)_URL"] = end.url
      environment["\(side)_KEY"] = end.key
    }
    let process = try ChildProcess(
      "python3", ["-c", Self.script, shape.table, "\(rows)"],
      environment: environment.map { "\($0)=\($1)" }, output: .pipe)
    let output = await process.allOutput()
    guard await process.wait().isSuccess, let said = try? JSONNode(parsing: Array(output.utf8)),
      case .number(let count) = said["rows"]?.value, let copied = Int(count),
      let seconds = said["seconds"]?.string.flatMap({ Double($0) })
    else { throw BenchStopped(description: "the naive worker failed: \(output)") }
    return (copied, .seconds(seconds))
  }
}

/// PostgreSQL's own ways, over direct connections: what HTTP and row-wise writing cost is the distance to them.
struct DirectCopy {
  let shape: RowShape
  let pair: BenchPair
  /// For files.
  let folder: String

  enum Tool: String, CaseIterable {
    case dump = "pg_dump"
    case pgcopydb
  }

  static func isInstalled(_ tool: Tool) async -> Bool {
    let process = try? ChildProcess(
      "sh", ["-c", "command -v \(tool.rawValue) psql"], output: .null)
    return await process?.wait().isSuccess ?? false
  }

  func run(_ tool: Tool) async throws -> Duration {
    let script =
      switch tool {
      case .dump:
        "pg_dump --data-only --table=public.\(shape.table) \"$SOURCE\" | psql -q -v ON_ERROR_STOP=1 \"$TARGET\""
      case .pgcopydb:
        """
        printf '[include-only-table]\\npublic.\(shape.table)\\n' > "$FOLDER/filters"
        rm -rf "$FOLDER/pgcopydb"
        exec pgcopydb copy table-data --source "$SOURCE" --target "$TARGET" --table-jobs 4 \
          --split-tables-larger-than 20MB --filters "$FOLDER/filters" --dir "$FOLDER/pgcopydb" \
          --not-consistent
        """
      }
    var environment = ProcessEnvironment.read()
    environment["SOURCE"] = pair.source.dsn
    environment["TARGET"] = pair.target.dsn
    environment["FOLDER"] = folder
    let start = ContinuousClock.now
    let process = try ChildProcess(
      "sh", ["-c", "set -e; \(script)"], environment: environment.map { "\($0)=\($1)" },
      output: .pipe, error: .pipe)
    let said = await process.allOutput()
    guard await process.wait().isSuccess else {
      throw BenchStopped(description: "\(tool.rawValue) failed: \(said.suffix(2_000))")
    }
    return ContinuousClock.now - start
  }
}
