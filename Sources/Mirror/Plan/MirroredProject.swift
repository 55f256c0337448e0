package import Supabase

/// What the mirror needs of a project: the boundary at which tests put a twin in memory.
///
/// Delivery is at least once: every call may be repeated, and a repeated write must be harmless. A call that
/// returns has happened and is durable; one that throws may have happened as well. Calls may be concurrent;
/// the mirror itself never has two writes of one row under way.
package protocol MirroredProject: Sendable {
  func catalogue(of schema: String) async throws(PostgRESTError) -> Catalogue
  func read(_ query: ReadQuery) async throws(PostgRESTError) -> Page
  func page(_ query: ReadQuery, lastOf columns: [String]) async throws(PostgRESTError) -> RawPage
  func rows(
    of table: TableName, keys: [RowKey], keyColumns: [String], columns: [String], atMost: Int
  ) async throws(PostgRESTError) -> [Page]
  func upsert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> Int?
  func insert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> Int?
  func upsertReturningKeys(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> [RowKey]
  func delete(
    _ keys: [RowKey], from table: TableName, keyColumns: [String]
  ) async throws(PostgRESTError) -> Int
  func count(of table: TableName, filters: [Filter]) async throws(PostgRESTError) -> Int
  func estimatedCount(of table: TableName) async throws(PostgRESTError) -> Int?
  func rpc(
    _ function: String, schema: String, arguments: [UInt8]
  ) async throws(PostgRESTError) -> [UInt8]
}

extension PostgREST: MirroredProject {}
