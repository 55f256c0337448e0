import JSON
import Supabase

/// What a pass finds out before its first row: tables on both sides, foreign keys, ledger, clocks.
struct Survey: Sendable {
  var plans: [TablePlan] = []
  /// Tables that passes leave out, and only the feed copies.
  var feedOnly: [TablePlan] = []
  /// Whether the source has the marker table, so that the feed can be proven.
  var hasMarker = false
  /// Whether the source tells how far its sequences are, and the target takes it.
  var knowsSequences = false
  /// Tables that cannot be mirrored, with the reason.
  var failed: [TableReport] = []
  /// Child to parents, as either project tells.
  var references: [TableName: Set<TableName>] = [:]
  /// nil where deletes are left alone or the migration is not installed at the source.
  var ledger: Ledger?
  /// Tables with triggers of the migration, by side; nil: unknown.
  var logged: (source: Set<TableName>?, target: Set<TableName>?) = (nil, nil)
  var unmirrored: [String] = []
  /// Whether the source can tell since when its transactions run.
  var hasHorizon = false
  var limits = PassLimits(horizon: nil, sourceClock: 0)

  static func take(_ pass: Pass) async throws(LaneStop) -> Survey {
    var survey = Survey()
    let schemas = Set(pass.tables.map(\.name.schema)).union(["public"])
    let source = try await catalogue(of: schemas, pass.source)
    let target = try await catalogue(of: schemas, pass.target)
    survey.plan(pass, source, target)
    survey.hasMarker = Marker.isInstalled(source) && Marker.isInstalled(target)
    survey.knowsSequences =
      source.functions.contains(SequenceFunction.sequences)
      && target.functions.contains(SequenceFunction.raise)
    survey.hasHorizon = source.functions.contains("sync_horizon")
    survey.limits = try await clock(pass, survey.plans)
    try await survey.findHorizon(pass)
    do throws(LaneStop) {
      try await survey.findLedger(pass, source, target)
    } catch .table(let sentence) {
      // Rows can be copied all the same.
      survey.unmirrored.append("deletes are not mirrored: \(sentence)")
    }
    return survey
  }

  /// Of all these schemas; one that is not exposed has no tables.
  static func catalogue(
    of schemas: Set<String>, _ project: any MirroredProject
  ) async throws(LaneStop) -> Catalogue {
    var all = Catalogue(tables: [:], functions: [])
    for schema in schemas.sorted() {
      do throws(PostgRESTError) {
        let catalogue = try await project.catalogue(of: schema)
        all.tables.merge(catalogue.tables) { known, _ in known }
        if schema == "public" { all.functions = catalogue.functions }
      } catch {
        // A schema that is not exposed: its tables say so, one by one.
        guard error.isUnknownSchema else { throw LaneStop(error) }
      }
    }
    return all
  }

  private mutating func plan(_ pass: Pass, _ source: Catalogue, _ target: Catalogue) {
    for table in pass.tables {
      do throws(TableProblem) {
        let plan = try TablePlan(
          table, source: source.tables[table.name], target: target.tables[table.name],
          onDrift: pass.settings.onDrift)
        if table.reconcile {
          plans.append(plan)
        } else {
          if table.realtime { feedOnly.append(plan) }
          var report = TableReport(table: table.name)
          report.notes.append("reconcile is false: this pass left the table out")
          failed.append(report)
        }
      } catch {
        var report = TableReport(table: table.name)
        report.failure = error.description
        failed.append(report)
      }
      for catalogue in [source, target] {
        let parents = (catalogue.tables[table.name]?.columns ?? []).compactMap { $0.references }
          .map { TableName(schema: table.name.schema, name: $0.table) }
        references[table.name, default: []].formUnion(parents)
      }
    }
  }

  private static func clock(
    _ pass: Pass, _ plans: [TablePlan]
  ) async throws(LaneStop) -> PassLimits {
    var limits = PassLimits(horizon: nil, sourceClock: pass.now())
    for plan in plans {
      do throws(PostgRESTError) {
        let page = try await pass.source.read(
          ReadQuery(table: plan.name, columns: [plan.keyColumns[0]], limit: 1))
        if let seconds = page.serverDate {
          limits.sourceClock = Int64(seconds) * 1_000_000 + TimeText.unixEpoch
        }
        // A server that leaves the date out does so with every table.
        break
      } catch {
        // What is wrong with this table alone, its lane will say; any other tells the time as well.
        let stop = LaneStop(error)
        guard case .table = stop else { throw stop }
      }
    }
    return limits
  }

  /// The same, later.
  func limitsNow(_ pass: Pass) async throws(LaneStop) -> PassLimits {
    var later = self
    later.limits = try await Self.clock(pass, plans)
    try await later.findHorizon(pass)
    return later.limits
  }

  private mutating func findHorizon(_ pass: Pass) async throws(LaneStop) {
    guard hasHorizon else { return }
    do throws(PostgRESTError) {
      let body = try await pass.source.rpc(
        "sync_horizon", schema: "public", arguments: Array("{}".utf8))
      let answer = try? JSONToken(checking: body)
      // Null: its owner may not see other transactions, so the look-back must do.
      guard answer?.isNull != true else { return }
      limits.horizon = answer?.string.flatMap(TimeText.microseconds) ?? .min
    } catch {
      let stop = LaneStop(error)
      guard case .table(let sentence) = stop else { throw stop }
      // Rows can be copied all the same, but who relies on the horizon may have a short look-back.
      limits.horizon = .min
      unmirrored.append(
        "the checkpoints stay where they are, as the horizon is unknown: \(sentence)")
    }
  }

  private mutating func findLedger(
    _ pass: Pass, _ source: Catalogue, _ target: Catalogue
  ) async throws(LaneStop) {
    guard pass.settings.deletes, !pass.isPartial else { return }
    let isInstalled =
      source.tables[Ledger.table] != nil
      && Ledger.requiredFunctions.allSatisfy(source.functions.contains)
    guard isInstalled else {
      unmirrored.append(
        "deletes are not mirrored: the source has no ledger; apply the output of `supamirror "
          + "migration` to both projects, or set SYNC_DELETES=false")
      return
    }
    let ledger = Ledger(source: pass.source, mirror: pass.store.identity.name)
    try await ledger.register()
    try await refuseOneProject(pass, target)
    if target.functions.contains("sync_ledger_tables") {
      let there = Ledger(source: pass.target, mirror: pass.store.identity.name)
      logged.target = try? await there.loggedTables().all
    }
    if source.functions.contains("sync_ledger_tables") {
      let logged = try await ledger.loggedTables()
      self.logged.source = logged.all
      let unlogged = plans.map(\.name).filter { !logged.complete.contains($0) }
      if !unlogged.isEmpty {
        unmirrored.append(
          "deletes are not mirrored in \(unlogged.map(\.description).joined(separator: ", ")): no "
            + "ledger trigger there; apply the output of `supamirror migration` again")
      }
    }
    self.ledger = ledger
  }

  func triggers(of table: TableName) -> TableTriggers {
    TableTriggers(
      source: logged.source.map { $0.contains(table) },
      target: logged.target.map { $0.contains(table) })
  }

  /// The mirror has just been registered at the source; if the target saw it at the same microsecond, both
  /// URLs lead to one database.
  private func refuseOneProject(
    _ pass: Pass, _ target: Catalogue
  ) async throws(LaneStop) {
    let mirrors = TableName(name: "sync_mirrors")
    guard target.tables[mirrors] != nil else { return }
    let query = ReadQuery(
      table: mirrors, columns: ["last_seen_at"],
      filters: [.equal("name", JSONToken(string: pass.store.identity.name))], limit: 1)
    let seen: (source: Page, target: Page)
    do throws(PostgRESTError) {
      seen = (try await pass.source.read(query), try await pass.target.read(query))
    } catch {
      throw LaneStop(error)
    }
    // A target made from a dump of the source may know the name, but not this moment.
    guard seen.target.rows.isEmpty || seen.source.rows.bytes != seen.target.rows.bytes else {
      throw .configuration("source and target are the same database; nothing was copied")
    }
  }

  /// The entries to replay in this pass; nil without a ledger.
  func ledgerSnapshot(
    _ levels: [[TableName]], _ pageSize: Int
  ) async throws(LaneStop) -> Ledger.Snapshot? {
    guard let ledger else { return nil }
    return try await ledger.snapshot(of: levels, pageSize: max(pageSize, 1_000))
  }
}
