import Supabase

/// Whether a table is the same in both projects.
struct TableEquality: Hashable, Sendable {
  let rows: Int
  /// nil where nothing differs.
  let difference: String?
}

extension Promotion {
  func verify(_ sides: PromotionSides, _ report: inout PromotionReport) async throws(LaneStop) {
    guard sides.source != nil else {
      report.add(.verify, ["nothing can be compared: the source does not answer"])
      return
    }
    var rows = 0
    var equal = 0
    for table in tables {
      do throws(LaneStop) {
        let equality = try await isEqual(table.name)
        rows += equality.rows
        if let difference = equality.difference {
          report.obstruct(.verify, difference, isAcceptable: true)
        } else {
          equal += 1
        }
      } catch .table(let sentence) {
        report.obstruct(
          .verify, "\(table.name) cannot be compared: \(sentence)", isAcceptable: true)
      }
    }
    report.add(
      .verify,
      [
        "\(equal) of \(tables.count) tables are equal by their number of rows "
          + "(\(ReportText.grouped(rows)) rows)"
      ])
  }

  /// By the exact number of rows on both sides.
  private func isEqual(_ table: TableName) async throws(LaneStop) -> TableEquality {
    do throws(PostgRESTError) {
      async let atSource = Self.count(source, table)
      let onTarget = try await target.count(of: table, filters: [])
      let wanted = try await atSource.get()
      guard wanted != onTarget else { return TableEquality(rows: onTarget, difference: nil) }
      return TableEquality(
        rows: onTarget,
        difference:
          "\(table) has \(ReportText.grouped(wanted)) rows at the source and "
          + "\(ReportText.grouped(onTarget)) on the target"
          + (options.isDryRun ? ", before the passes that could mend it" : ""))
    } catch {
      throw LaneStop(error)
    }
  }

  private static func count(
    _ project: any MirroredProject, _ table: TableName
  ) async -> Result<Int, PostgRESTError> {
    do throws(PostgRESTError) {
      return .success(try await project.count(of: table, filters: []))
    } catch {
      return .failure(error)
    }
  }
}
