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
  /// - Parameter states: what is durably known of the tables.
  package static func take(
    _ scope: BackfillScope, of tables: [TableConfiguration], states: [TableName: TableState],
    source: any MirroredProject, target: any MirroredProject, batchSize: Int
  ) async -> BackfillForecast {
    var forecast = BackfillForecast()
    do throws(LaneStop) {
      let schemas = Set(tables.map(\.name.schema))
      let there = try await Survey.catalogue(of: schemas, source)
      let here = try await Survey.catalogue(of: schemas, target)
      for table in tables where table.reconcile {
        let state = states[table.name]?.adapted(to: table, there.tables[table.name])
        guard scope.includes(table.name, state) else {
          forecast.copiedBefore.append(table.name)
          continue
        }
        var entry = Table(name: table.name)
        do throws(TableProblem) {
          let plan = try TablePlan(
            table, source: there.tables[table.name], target: here.tables[table.name])
          entry.copied = state?.backfill?.rows ?? 0
          try await entry.measure(plan, source, batchSize)
        } catch .table(let problem) {
          entry.problem = problem
        }
        forecast.tables.append(entry)
      }
    } catch {
      forecast.stopped = error.sentence
    }
    return forecast
  }
}
