package import Supabase

/// Compares all tables again and again beside a running mirror, at a low rate, in nobody's way.
package actor BackgroundVerify {
  private let every: Duration
  private let surroundings: Verification.Surroundings
  private let tables: @Sendable () async -> [TableConfiguration]
  /// Results that others left, such as `supamirror verify`.
  private let others: @Sendable () async -> [TableName: TableVerification]
  private let elapsed: @Sendable () -> Duration
  private var tried: [TableName: Duration] = [:]

  /// A mirror that has just started has other things to do.
  static let startDelay = Duration.seconds(300)
  /// After a comparison that did not come to its end.
  static let retryDelay = Duration.seconds(600)
  /// How often it looks whether something is due, so that tables that come are found.
  static let pause = Duration.seconds(60)
  /// Of the time: a fifth.
  static let rest = 4.0

  /// - Parameters:
  ///   - every: from the begin of one comparison of a table to the next.
  ///   - tables: as they are configured now.
  package init(
    every: Duration, _ surroundings: Verification.Surroundings,
    tables: @escaping @Sendable () async -> [TableConfiguration],
    others: @escaping @Sendable () async -> [TableName: TableVerification] = { [:] }
  ) {
    self.every = every
    self.tables = tables
    self.others = others
    var surroundings = surroundings
    surroundings.rest = Self.rest
    surroundings.chunkTime = .milliseconds(250)
    surroundings.width = 1
    self.surroundings = surroundings
    elapsed = stopwatch(surroundings.clock)
  }

  /// Beside the state; not the file of `supamirror verify`, which may run at the same time.
  package static func path(statePath: String) -> String { statePath + ".verify-background" }

  /// The newest result of each table that has one.
  package var results: [TableName: TableVerification] {
    get async {
      await surroundings.store.results.merging(await others()) { own, other in
        (own.endedAt ?? 0) >= (other.endedAt ?? 0) ? own : other
      }
    }
  }

  /// Until the task is cancelled; what was compared so far is kept.
  package func run() async {
    var wait = min(every, Self.startDelay)
    while true {
      do {
        try await surroundings.clock.sleep(for: wait)
      } catch {
        return
      }
      let due = await dueTables()
      if !due.isEmpty {
        let report = await Verification(tables: due, surroundings).run()
        guard !Task.isCancelled else { return }
        for table in due { tried[table.name] = elapsed() }
        tell(report)
      }
      wait = min(every, Self.pause)
    }
  }

  private func dueTables() async -> [TableConfiguration] {
    let now = surroundings.now()
    let results = await surroundings.store.results
    return await tables().filter { table in
      if let last = tried[table.name], elapsed() - last < min(every, Self.retryDelay) {
        return false
      }
      guard let begun = results[table.name]?.begunAt else { return true }
      return .microseconds(now - begun) >= every
    }
  }

  private func tell(_ report: VerificationReport) {
    if let stopped = report.stopped {
      surroundings.log.warning("tables not compared", ["reason": stopped])
    }
    for table in report.tables {
      if let failure = table.failure {
        surroundings.log.warning(
          "table not compared", ["table": table.table.description, "reason": failure])
      } else if table.drift > 0 {
        surroundings.log.error(
          "table differs",
          [
            "table": table.table.description, "rows": "\(table.sourceRows)",
            "missing": "\(table[.missing])", "extra": "\(table[.extra])",
            "different": "\(table[.different])", "known": "\(table.known)",
          ])
      } else if table.endedAt != nil {
        surroundings.log.info(
          "table compared",
          [
            "table": table.table.description, "rows": "\(table.sourceRows)",
            "known": "\(table.known)",
          ])
      }
    }
  }
}
