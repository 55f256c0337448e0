package import Supabase

/// What copying whole tables would read, as far as it can be told beforehand.
package struct BackfillForecast: Sendable {
  package struct Table: Hashable, Sendable {
    package let name: TableName
    /// How many rows the server expects it to have; nil: unknown.
    package var rows: Int?
    /// Of a row as the source sends it, on average over one page; nil: there was none, or it could not be read.
    package var bytesPerRow: Int?
    /// Copied already by a copy that has not ended.
    package var copied = 0
    /// Why it cannot be mirrored, and what to do; nil where it can.
    package var problem: String?

    package init(name: TableName) { self.name = name }

    /// Rows that are still to be read.
    package var rowsLeft: Int? { rows.map { max(0, $0 - copied) } }
    /// Bytes that are still to be read.
    package var bytesLeft: Int? {
      guard let rowsLeft else { return nil }
      if rowsLeft == 0 { return 0 }
      guard let bytesPerRow else { return nil }
      let (bytes, overflows) = rowsLeft.multipliedReportingOverflow(by: bytesPerRow)
      return overflows ? .max : bytes
    }
  }

  /// In the configuration's order.
  package var tables: [Table] = []
  /// Copied whole before, so left alone.
  package var copiedBefore: [TableName] = []
  /// Why no table can be copied: the sentence for the operator.
  package var stopped: String?

  package init() {}

  package var exitCode: ExitCode {
    if stopped != nil { return .project }
    return tables.allSatisfy { $0.problem == nil } ? .clean : .incomplete
  }
}

extension BackfillForecast {
  /// Asks both projects, and writes nothing anywhere.
  ///
  /// - Parameter store: what is durably known of the tables.
  package static func take(
    _ scope: BackfillScope, of tables: [TableConfiguration], _ store: StateStore,
    source: any MirroredProject, target: any MirroredProject, batchSize: Int,
    onDrift: DriftPolicy = .common
  ) async -> BackfillForecast {
    var forecast = BackfillForecast()
    var stop: LaneStop?
    do throws(LaneStop) {
      let schemas = Set(tables.map(\.name.schema)).union(["public"])
      let there = try await Survey.catalogue(of: schemas, source)
      let here = try await Survey.catalogue(of: schemas, target)
      for table in tables where table.reconcile {
        let state = await store.state(of: table.name)
        var entry = Table(name: table.name)
        do throws(TableProblem) {
          let plan = try TablePlan(
            table, source: there.tables[table.name], target: here.tables[table.name],
            onDrift: onDrift)
          let known = state?.adapted(to: plan)
          guard scope.includes(table.name, known) else {
            forecast.copiedBefore.append(table.name)
            continue
          }
          entry.copied = known?.backfill?.rows ?? 0
          try await entry.measure(plan, source, batchSize, &stop)
        } catch {
          guard scope.includes(table.name, state) else { continue }
          entry.problem = error.description
        }
        if let stop { throw stop }
        forecast.tables.append(entry)
      }
    } catch {
      forecast.stopped = error.sentence
    }
    return forecast
  }
}

extension BackfillForecast.Table {
  /// Asks how many rows there are, and reads one page of them.
  ///
  /// - Parameter stop: what concerns more than this table.
  fileprivate mutating func measure(
    _ plan: TablePlan, _ source: any MirroredProject, _ batchSize: Int, _ stop: inout LaneStop?
  ) async throws(TableProblem) {
    var size = PageSize(rows: min(batchSize, Self.mostSampled))
    while true {
      do throws(PostgRESTError) {
        let page = try await source.page(
          ReadQuery(
            table: plan.name, columns: plan.columns, order: plan.keyColumns, limit: size.rows),
          lastOf: plan.keyColumns)
        guard !page.isEmpty else {
          rows = 0
          return
        }
        bytesPerRow = (page.bytes.count + page.count - 1) / page.count
        // The statistics of a table that has just been filled may know nothing of it.
        rows = try await source.estimatedCount(of: plan.name).map { max($0, page.count) }
        return
      } catch {
        if error.isCuredBySmallerPage, size.shrink() { continue }
        let reason = LaneStop(error)
        guard case .table(let problem) = reason else {
          stop = reason
          return
        }
        throw TableProblem(description: problem)
      }
    }
  }

  private static let mostSampled = 500
}
