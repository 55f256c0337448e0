import Supabase

/// Looks at both projects and holds the configuration against them.
package struct CheckRun: Sendable {
  let source: CatalogueReader
  let target: CatalogueReader
  let tables: [TableConfiguration]
  let conditions: Check.Conditions

  package init(
    source: CatalogueReader, target: CatalogueReader, tables: [TableConfiguration],
    conditions: Check.Conditions
  ) {
    self.source = source
    self.target = target
    self.tables = tables
    self.conditions = conditions
  }

  package func report() async -> CheckReport {
    var report = CheckReport()
    report.tables = tables.map(\.name)
    async let one = read(source)
    async let other = read(target)
    let (here, there) = await (one, other)
    var catalogues: [ProjectCatalogue] = []
    for (reader, result) in [(source, here), (target, there)] {
      switch result {
      case .success(let catalogue):
        catalogues.append(catalogue)
        report.facts.append(Self.fact(catalogue))
      case .failure(let error):
        report.findings.append(Self.finding(error, reader))
      }
    }
    guard catalogues.count == 2 else { return report }
    await countRows(&catalogues)
    let check = Check(
      source: catalogues[0], target: catalogues[1], tables: tables, conditions: conditions)
    report.findings = check.findings()
    for catalogue in catalogues where !catalogue.isDetailed {
      report.unseen.append(
        "\(catalogue.role): indexes, triggers, generated columns, privileges and what is published "
          + "cannot be seen before version \(Migration.version) of the migration is there")
    }
    return report
  }

  private func read(_ reader: CatalogueReader) async -> Result<ProjectCatalogue, PostgRESTError> {
    do throws(PostgRESTError) {
      let names = tables.map(\.name)
      var result = try await reader.read(schemas: Set(names.map(\.schema)))
      if !result.isDetailed {
        let shown = names.filter { result.exposed.tables[$0]?.isWritable == true }
        result.views = Set(names.filter { result.exposed.tables[$0]?.isWritable == false })
        try await reader.findViews(among: shown, in: &result)
      }
      try await reader.findRowCap(tables, limit: conditions.batchSize, in: &result)
      return .success(result)
    } catch {
      return .failure(error)
    }
  }

  /// Of tables in which the target has something. What cannot be counted is estimated.
  private func countRows(_ catalogues: inout [ProjectCatalogue]) async {
    let filled = tables.map(\.name).filter { catalogues[1].relation($0)?.bytes ?? 0 > 0 }
    for (index, reader) in [source, target].enumerated() {
      try? await reader.countRows(of: filled, in: &catalogues[index])
    }
  }

  private static func finding(_ error: PostgRESTError, _ reader: CatalogueReader) -> Finding {
    let isRefused =
      switch error.kind {
      case .server(let status, let code): status == 401 || (code ?? "").hasPrefix("PGRST3")
      default: error.finding == .unusableRole
      }
    let advice: String =
      switch Recovery(for: error) {
      case .stopProject(let advice), .stopTable(let advice): advice
      default:
        "check the \(reader.role)'s URL and this machine's network, and whether the project is "
          + "paused"
      }
    return Finding(
      isRefused ? .keyRefused : .unreachable, .problem, on: reader.role,
      "the \(reader.role) at \(reader.url) "
        + (isRefused ? "refuses the key" : "cannot be used") + ": \(error.message)",
      why: "nothing can be read or written there", mend: advice)
  }

  private static func fact(_ catalogue: ProjectCatalogue) -> CheckReport.Fact {
    var parts = [catalogue.url]
    if let database = catalogue.database {
      parts.append("PostgreSQL \(database.server.version)")
      parts.append("migration version \(database.version)")
    }
    if let offset = catalogue.clockOffset {
      let tenths = Int(offset / .milliseconds(100))
      let sign = tenths < 0 ? "-" : "+"
      parts.append("clock \(sign)\(abs(tenths) / 10).\(abs(tenths) % 10) s")
    }
    return CheckReport.Fact(project: catalogue.role, text: parts.joined(separator: ", "))
  }
}
