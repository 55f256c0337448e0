import JSON
package import Supabase

/// Reads everything that a check or an `init` needs of one project. It writes nothing.
package struct CatalogueReader: Sendable {
  let project: any MirroredProject
  let role: String
  let url: String
  /// Microseconds since 1970.
  let now: @Sendable () -> Int64

  /// Requests at once.
  private static let lanes = 4
  /// Tables up to this size have their rows counted.
  private static let countable = 8 << 20

  package init(
    _ project: any MirroredProject, role: String, url: String, now: @escaping @Sendable () -> Int64
  ) {
    self.project = project
    self.role = role
    self.url = url
    self.now = now
  }

  /// - Parameter schemas: `public`, where the migration's functions are, is always read.
  package func read(schemas: Set<String>) async throws(PostgRESTError) -> ProjectCatalogue {
    var result = ProjectCatalogue(
      role: role, url: url, exposed: Catalogue(tables: [:], functions: []))
    for schema in schemas.union(["public"]).sorted() {
      do throws(PostgRESTError) {
        let catalogue = try await project.catalogue(of: schema)
        result.exposed.tables.merge(catalogue.tables) { known, _ in known }
        if schema == "public" { result.exposed.functions = catalogue.functions }
      } catch {
        guard error.isUnknownSchema else { throw error }
        if schemas.contains(schema) { result.hiddenSchemas.insert(schema) }
      }
    }
    if result.exposed.functions.contains("sync_catalogue") {
      try await readDatabase(schemas, into: &result)
    }
    return result
  }

  private func readDatabase(
    _ schemas: Set<String>, into result: inout ProjectCatalogue
  ) async throws(PostgRESTError) {
    let asked = now()
    let body: [UInt8]
    do throws(PostgRESTError) {
      body = try await project.rpc(
        "sync_catalogue", schema: "public", arguments: Self.arguments(schemas))
    } catch {
      // What PostgREST shows by itself can still be checked.
      guard case .table = LaneStop(error) else { throw error }
      return
    }
    result.database = DatabaseCatalogue(body)
    if let clock = result.database?.server.clock {
      result.clockOffset = .microseconds(clock - (asked + now()) / 2)
    }
  }

  private static func arguments(_ schemas: Set<String>) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("schemas")
    writer.beginArray()
    for schema in schemas.sorted() { writer.string(schema) }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }

  /// Which of these relations are views: only what has rows of its own has the system column `tableoid` (a column that
  /// is not in the document may be asked for: `sel-ctid`). Also reads the time, where nothing has told it.
  package func findViews(
    among tables: [TableName], in result: inout ProjectCatalogue
  ) async throws(PostgRESTError) {
    var offset: Duration?
    let answers = try await each(tables) { table throws(PostgRESTError) in
      do throws(PostgRESTError) {
        let page = try await project.read(
          ReadQuery(table: table, columns: ["tableoid"], limit: 1))
        return (isView: false, page.serverDate.map { Int64($0) * 1_000_000 - now() })
      } catch {
        guard case .table = LaneStop(error) else { throw error }
        guard case .server(_, code: "42703") = error.kind else { return (isView: false, nil) }
        return (isView: true, nil)
      }
    }
    for (table, answer) in zip(tables, answers) {
      if answer.isView { result.views.insert(table) }
      // Whole seconds, cut: half a second is the best guess for the rest.
      offset = offset ?? answer.1.map { .microseconds($0 + 500_000) }
    }
    result.clockOffset = result.clockOffset ?? offset
  }

  /// Whether the server gives fewer rows at once than `limit`, as far as one of these tables can show it.
  func findRowCap(
    _ tables: [TableConfiguration], limit: Int, in result: inout ProjectCatalogue
  ) async throws(PostgRESTError) {
    let present = tables.filter { result.exposed.tables[$0.name]?[$0.primaryKeys[0]] != nil }
    let largest = present.max { one, other in
      result.relation(one.name)?.bytes ?? 0 < result.relation(other.name)?.bytes ?? 0
    }
    guard let largest else { return }
    var query = ReadQuery(
      table: largest.name, columns: [largest.primaryKeys[0]], limit: limit)
    do throws(PostgRESTError) {
      let count = try await project.read(query).rows.count
      guard (1..<limit).contains(count) else { return }
      query.limit = 1
      query.offset = count
      if try await !project.read(query).rows.isEmpty { result.rowCap = count }
    } catch {
      guard case .table = LaneStop(error) else { throw error }
    }
  }

  /// Counts the rows of tables that are small.
  func countRows(
    of tables: [TableName], in result: inout ProjectCatalogue
  ) async throws(PostgRESTError) {
    let small = tables.filter { table in
      result.relation(table).map { $0.bytes <= Self.countable && $0.kind == .table } ?? false
        && result.exposed.tables[table] != nil
    }
    let counts = try await each(small) { table throws(PostgRESTError) -> Int? in
      do throws(PostgRESTError) {
        return try await project.count(of: table, filters: [])
      } catch {
        guard case .table = LaneStop(error) else { throw error }
        return nil
      }
    }
    for (table, count) in zip(small, counts) { result.rowCounts[table] = count }
  }

  /// The results in the tables' order, a few at a time; the first error ends the others.
  private func each<Result: Sendable>(
    _ tables: [TableName],
    _ work: @escaping @Sendable (TableName) async throws(PostgRESTError) -> Result
  ) async throws(PostgRESTError) -> [Result] {
    var results = [Result?](repeating: nil, count: tables.count)
    let failure = await withTaskGroup(
      of: (Int, Swift.Result<Result, PostgRESTError>).self
    ) { group -> PostgRESTError? in
      var next = 0
      func begin() {
        guard next < tables.count else { return }
        let index = next
        next += 1
        group.addTask {
          do throws(PostgRESTError) {
            return (index, .success(try await work(tables[index])))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      for _ in 0..<Self.lanes { begin() }
      for await (index, result) in group {
        switch result {
        case .success(let value): results[index] = value
        case .failure(let error):
          group.cancelAll()
          return error
        }
        begin()
      }
      return nil
    }
    if let failure { throw failure }
    return results.compactMap { $0 }
  }
}
