import Glibc
import JSON
import Mirror
import Supabase
import Testing
import Transport

@Suite struct StatusMetricsTests {
  private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/")

  /// Prometheus's own tool.
  private func promtool(_ arguments: [String], input: String = "") async throws -> String {
    let places = [
      "/usr/bin/promtool", "/usr/local/bin/promtool", Self.root + "/.build-tools/promtool",
    ]
    let program = try #require(
      places.first { unsafe access($0, X_OK) == 0 }, "promtool is not there; see .ci/setup")
    let process = try ChildProcess(
      program, arguments, input: .pipe, output: .pipe, error: .pipe)
    process.write(Array(input.utf8))
    process.closeInput()
    let output = await process.allOutput()
    let status = await process.wait()
    #expect(status.isSuccess, "\(output)")
    return output
  }

  @Test(arguments: SampleStatus.all)
  func `Prometheus finds nothing to say against the metrics`(sample: SampleStatus.Named)
    async throws
  {
    let output = try await promtool(["check", "metrics"], input: StatusMetrics(sample.status).text)
    #expect(output.isEmpty, "\(output)")
  }

  @Test func `labels may hold anything`() async throws {
    var status = SampleStatus.live
    status.tables = [TableStatus(name: TableName(name: "a\"b\\c\nd{e}é"), feed: .live)]
    let text = StatusMetrics(status).text
    #expect(text.contains(#"{table="public.a\"b\\c\nd{e}é"} 0"#))
    #expect(try await promtool(["check", "metrics"], input: text).isEmpty)
  }

  @Test func `the values are those of the status`() {
    let text = StatusMetrics(SampleStatus.heldAndQuarantined).text
    for line in [
      #"supamirror_build_info{version="0.2.0",mirror="abc-to-def-0aff0102"} 1"#,
      "supamirror_ready 1", "supamirror_lag_seconds 0.412", "supamirror_lag_limit_seconds 60",
      #"supamirror_feed_state{state="live"} 1"#, #"supamirror_feed_state{state="joining"} 0"#,
      #"supamirror_project_up{project="source"} 1"#, "supamirror_passes_total 8771",
      "supamirror_failed_passes_total 2", "supamirror_pass_exit_code 1",
      "supamirror_pass_clean_timestamp_seconds 1795265112.345678",
      #"supamirror_table_rows_read_total{table="shop.Line Items"} 5120"#,
      #"supamirror_table_deletes_held{table="public.orders"} 3"#,
      #"supamirror_table_rows_quarantined{table="shop.Line Items"} 2"#,
      #"supamirror_table_feed_state{table="public.order_items",state="refused"} 1"#,
    ] {
      #expect(text.contains("\n\(line)\n"), "\(line)")
    }
    // What is not known is missing, never 0.
    #expect(!StatusMetrics(SampleStatus.empty).text.contains("supamirror_lag_seconds"))
    #expect(!text.contains(#"table_lag_seconds{table="public.countries"}"#))
  }

  @Test func `alerts and dashboard ask only for metrics that there are`() throws {
    var known: Set<Substring> = []
    for line in StatusMetrics(SampleStatus.heldAndQuarantined).text.split(separator: "\n") {
      known.insert(line.prefix { $0.isLetter || $0 == "_" })
    }
    for file in ["prometheus-alerts.yml", "grafana-dashboard.json"] {
      let text = String(
        decoding: try #require(try DurableFile("\(Self.root)/config/\(file)").read()), as: UTF8.self
      )
      let asked = text.split { !$0.isLetter && $0 != "_" }.filter { $0.hasPrefix("supamirror_") }
      #expect(asked.count > 10)
      for name in asked { #expect(known.contains(name), "\(file): \(name)") }
    }
  }

  @Test func `the dashboard can be imported anywhere`() throws {
    let file = try #require(try DurableFile("\(Self.root)/config/grafana-dashboard.json").read())
    let dashboard = try JSONNode(parsing: file)
    #expect(dashboard["templating"]?["list"]?.array?.first?["type"]?.string == "datasource")
    let panels = try #require(dashboard["panels"]?.array)
    #expect(Set(panels.compactMap { $0["id"]?.int }).count == panels.count)
    for panel in panels { #expect(panel["datasource"]?["uid"]?.string == "${datasource}") }
  }

  @Test func `the alerts are sound and fire when they should`() async throws {
    let rules = "\(Self.root)/config/prometheus-alerts.yml"
    _ = try await promtool(["check", "rules", rules])
    let folder = try Folder()
    try DurableFile("\(folder.path)/test.yml").replace(with: Array(Self.scenario(rules).utf8))
    _ = try await promtool(["test", "rules", "\(folder.path)/test.yml"])
  }

  /// Half an hour: series that must fire, and the same kept well, which must not.
  private static func scenario(_ rules: String) -> String {
    let cases = [
      ("ProjectDown", #"project="source""#, "project_up", "0x30|1x30"),
      ("Lagging", "", "lag_seconds", "61x30|60x30"),
      ("NotLive", #"state="live""#, "feed_state", "0x30|1x30"),
      ("TableStopped", #"table="t""#, "table_failed", "1x30|0x30"),
      ("PassFailing", "", "failed_passes_total", "0+1x30|0x30"),
      ("DeletesHeld", #"table="t""#, "table_deletes_held", "3x30|0x30"),
      ("Quarantine", #"table="t""#, "table_rows_quarantined", "3x30|0x30"),
      ("FeedLossy", "", "feed_missed_rows_total", "0+1x30|5x30"),
      ("TableRefused", #"table="t",state="refused""#, "table_feed_state", "1x30|0x30"),
    ]
    var text = "rule_files: [\"\(rules)\"]\nevaluation_interval: 1m\ntests:\n"
    for (name, labels, metric, values) in cases {
      let parts = values.split(separator: "|")
      for (value, fires) in [(parts[0], true), (parts[1], false)] {
        text += """
            - interval: 1m
              input_series:
                - {series: 'supamirror_\(metric){\(labels)}', values: '\(value)'}
                - {series: 'supamirror_lag_limit_seconds', values: '60x30'}
              promql_expr_test:
                - expr: count(ALERTS{alertname="Supamirror\(name)",alertstate="firing"})
                  eval_time: 30m
                  exp_samples: \(fires ? "[{labels: '{}', value: 1}]" : "[]")

          """
      }
    }
    // Nothing at all is the one thing that must never go unnoticed.
    text += """
        - interval: 1m
          input_series:
            - {series: 'supamirror_build_info', values: '1x5 _x25'}
          promql_expr_test:
            - expr: count(ALERTS{alertname="SupamirrorGone",alertstate="firing"})
              eval_time: 5m
              exp_samples: []
            - expr: count(ALERTS{alertname="SupamirrorGone",alertstate="firing"})
              eval_time: 30m
              exp_samples: [{labels: '{}', value: 1}]

      """
    return text
  }
}
