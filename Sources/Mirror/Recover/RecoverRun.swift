import JSON
package import Supabase

/// Finds out in what the target differs from a project that is right, and repairs that: discovery, analysis, plan,
/// repair, verification.
package struct RecoverRun: Sendable {
  package struct Options: Hashable, Sendable {
    package var extent = RecoverReport.Extent.repair
    package var mode = RecoveryPlan.Mode.comprehensive
    package var deletesExtra = false
    package var overwritesNewer = false
    /// More deletes than the limit are approved.
    package var approvesDeletes = false

    package init() {}
  }

  let settings: Settings
  /// Those that are to be recovered.
  let tables: [TableConfiguration]
  /// Every table of the configuration: deletes may reach the others.
  let allTables: [TableConfiguration]
  let source: any MirroredProject
  let target: any MirroredProject
  let store: StateStore
  /// A digest of both URLs.
  let pair: String
  let options: Options
  /// To be carried out in place of what an analysis finds.
  let saved: RecoveryPlan?
  /// How rows are compared: with what is known of a mirror that runs.
  let comparing: Verification.Surroundings
  /// Whether a mirror writes the target meanwhile, so that differences are looked at again.
  let isBesideMirror: Bool
  let log: Log
  /// Asked where deletes need a yes, with what they are.
  let approve: @Sendable (String) async -> Bool
  let progress: @Sendable (RecoverPhase, TableName, Int) -> Void
  /// Called at the end of each phase. What it throws ends the recovery.
  let told: @Sendable (RecoverPhase, RecoverReport) throws(ConfigurationError) -> Void

  package init(
    settings: Settings, tables: [TableConfiguration], of allTables: [TableConfiguration],
    store: StateStore, pair: String, options: Options, saved: RecoveryPlan? = nil,
    comparing: Verification.Surroundings, isBesideMirror: Bool = false, log: Log = .none,
    approve: @escaping @Sendable (String) async -> Bool = { _ in false },
    progress: @escaping @Sendable (RecoverPhase, TableName, Int) -> Void = { _, _, _ in },
    told:
      @escaping @Sendable (RecoverPhase, RecoverReport) throws(ConfigurationError) -> Void = {
        _, _ in
      }
  ) {
    self.settings = settings
    self.tables = tables
    self.allTables = allTables
    source = comparing.source
    target = comparing.target
    self.store = store
    self.pair = pair
    self.options = options
    self.saved = saved
    self.comparing = comparing
    self.isBesideMirror = isBesideMirror
    self.log = log
    self.approve = approve
    self.progress = progress
    self.told = told
  }

  package var tableCount: Int { tables.count }

  /// What is known of both projects' tables.
  struct Discovery: Sendable {
    var plans: [TablePlan] = []
    var levels: [[TableName]] = []
    var references: [TableName: Set<TableName>] = [:]
  }

  package func run() async -> RecoverReport {
    var report = RecoverReport(options.extent)
    do throws(LaneStop) {
      try await run(&report)
    } catch {
      report.note(error)
    }
    return report
  }

  private func run(_ report: inout RecoverReport) async throws(LaneStop) {
    let discovery = try await timed(.discovery, &report) { report throws(LaneStop) in
      try await discover(&report)
    }
    if let saved {
      report.plan = saved
      try tell(.plan, report)
    } else {
      try await analyze(discovery, &report)
      guard report.stopped == nil, options.extent != .analysis else { return }
      try makePlan(discovery, &report)
    }
    guard options.extent == .repair, let plan = report.plan else { return }
    guard plan.rows > 0 || saved != nil else { return }
    try await timed(.repair, &report) { report throws(LaneStop) in
      try await repair(plan, discovery, &report)
    }
    try await timed(.verification, &report) { report throws(LaneStop) in
      report.verification = await verify(comparing, .verification)
    }
    if let verification = report.verification { report.note(verification) }
  }

  private func timed<Result>(
    _ phase: RecoverPhase, _ report: inout RecoverReport,
    _ work: (inout RecoverReport) async throws(LaneStop) -> Result
  ) async throws(LaneStop) -> Result {
    let start = ContinuousClock.now
    let result = try await work(&report)
    report.times[phase] = ContinuousClock.now - start
    try tell(phase, report)
    return result
  }

  private func tell(_ phase: RecoverPhase, _ report: RecoverReport) throws(LaneStop) {
    do {
      try told(phase, report)
    } catch {
      throw .configuration(error.problems.joined(separator: "; "))
    }
  }

  // Discovery

  private func discover(_ report: inout RecoverReport) async throws(LaneStop) -> Discovery {
    let schemas = Set(allTables.map(\.name.schema)).union(["public"])
    let source = try await Survey.catalogue(of: schemas, source)
    let target = try await Survey.catalogue(of: schemas, target)
    var discovery = Discovery()
    for table in tables {
      do throws(TableProblem) {
        discovery.plans.append(
          try TablePlan(
            table, source: source.tables[table.name], target: target.tables[table.name]))
      } catch {
        report.problems.append(error.description)
      }
    }
    for table in allTables {
      for catalogue in [source, target] {
        let parents = (catalogue.tables[table.name]?.columns ?? []).compactMap(\.references)
          .map { TableName(schema: table.name.schema, name: $0.table) }
        discovery.references[table.name, default: []].formUnion(parents)
      }
    }
    discovery.levels = TableOrder.levels(
      discovery.plans.map(\.name), references: discovery.references)
    for plan in discovery.plans {
      report.discovered.append(
        RecoverReport.Discovered(
          table: plan.name, source: try? await self.source.estimatedCount(of: plan.name),
          target: try? await self.target.estimatedCount(of: plan.name)))
    }
    try check(saved, discovery.plans)
    return discovery
  }

  /// A plan is carried out between the projects and in the tables that it was made for, or not at all.
  private func check(_ saved: RecoveryPlan?, _ plans: [TablePlan]) throws(LaneStop) {
    guard let saved else { return }
    guard saved.pair == pair else {
      throw .configuration("the plan was made for another pair of projects; nothing was changed")
    }
    for table in saved.tables {
      guard plans.contains(where: table.fits) else {
        throw .configuration(
          "\(table.name) is not as it was when the plan was made (its columns, its key or the "
            + "configuration); make a new plan, nothing was changed")
      }
    }
  }

  // Analysis and plan

  private func analyze(
    _ discovery: Discovery, _ report: inout RecoverReport
  ) async throws(LaneStop) {
    try await timed(.analysis, &report) { report throws(LaneStop) in
      var surroundings = comparing
      // What a mirror is still to bring is missing all the same.
      surroundings.state = { _ in nil }
      surroundings.activity = { _ in .none }
      surroundings.settles = isBesideMirror
      surroundings.findsRuns = !isBesideMirror
      surroundings.mostFaults = RecoveryPlan.mostKeys
      let found = await verify(surroundings, .analysis)
      report.analysis = found
      report.note(found)
    }
  }

  private func verify(
    _ surroundings: Verification.Surroundings, _ phase: RecoverPhase
  ) async -> VerificationReport {
    var surroundings = surroundings
    surroundings.progress = { [progress] table, rows, _ in progress(phase, table, rows) }
    return await Verification(tables: tables, surroundings).run()
  }

  private func makePlan(
    _ discovery: Discovery, _ report: inout RecoverReport
  ) throws(LaneStop) {
    var plan = RecoveryPlan(
      pair: pair, madeAt: comparing.now(), mode: options.mode,
      deletesExtra: options.deletesExtra, overwritesNewer: options.overwritesNewer)
    for name in discovery.levels.joined() {
      guard let found = report.analysis?.tables.first(where: { $0.table == name }),
        found.failure == nil, let table = discovery.plans.first(where: { $0.name == name })
      else { continue }
      plan.add(found, table)
    }
    report.plan = plan
    try tell(.plan, report)
  }
}
