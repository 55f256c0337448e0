import LocalSupabase
import Transport

/// The one cluster that the tests of this target share; its databases are each test's own.
enum TestCluster {
  private static let starting = Task { try await PostgresCluster.start() }

  static func shared() async throws -> PostgresCluster { try await starting.value }
}
