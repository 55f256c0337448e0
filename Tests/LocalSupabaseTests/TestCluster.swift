import LocalSupabase

/// The one cluster that the tests of this target share.
struct TestCluster {
  var dsn: String
  static func shared() async throws -> TestCluster {
    TestCluster(dsn: "host=127.0.0.1 port=55999 user=postgres dbname=postgres")
  }
}
