import Transport

/// The fastest that reading alone, and writing alone, can be over this protocol with as many connections as the backfill
/// has: each goes through a quarter of the pages, one request after the other, and looks at nothing but the status.
struct IdealCopy {
  let shape: RowShape
  let pages: RecordedPages
  static let connections = 4

  /// - Returns: how long it took, and the bytes of all bodies.
  func read(_ route: Route, keeping isKept: Bool = false) async throws -> (Duration, bytes: Int) {
    let select = shape.columns.joined(separator: ",")
    let bytes = Locked(0)
    let time = try await eachPage { page, client in
      let keys = pages.keys[page]
      let query =
        "\(shape.table)?select=\(select)&id=gte.\(keys.lowerBound)&id=lte.\(keys.upperBound)"
        + "&order=id&limit=\(keys.count)"
      let answer = try await client.send(RESTRequest(route.source).get(query))
      try expect(answer, 200)
      bytes.withLock { $0 += answer.body.count }
      if isKept { try pages.keep(answer.body, of: page) }
    }
    return (time, bytes.withLock { $0 })
  }

  func write(_ route: Route) async throws -> Duration {
    let query = "\(shape.table)?columns=\(shape.columns.joined(separator: ","))&on_conflict=id"
    return try await eachPage { page, client in
      let body = try pages.body(of: page)
      try expect(await client.send(RESTRequest(route.target).upsert(query, body)), 201)
    }
  }

  private func eachPage(
    _ work: @escaping @Sendable (_ page: Int, HTTPClient) async throws -> Void
  ) async throws -> Duration {
    var configuration = HTTPClient.Configuration()
    configuration.connectionsPerHost = Self.connections
    let client = HTTPClient(configuration)
    let count = pages.keys.count
    let start = ContinuousClock.now
    try await withThrowingTaskGroup { group in
      for lane in 0..<Self.connections {
        group.addTask {
          let range = count * lane / Self.connections..<count * (lane + 1) / Self.connections
          for page in range { try await work(page, client) }
        }
      }
      try await group.waitForAll()
    }
    let time = ContinuousClock.now - start
    await client.close()
    return time
  }

  private func expect(_ answer: HTTPAnswer, _ status: Int) throws {
    guard answer.status == status else {
      let said = String(decoding: answer.body.prefix(300), as: UTF8.self)
      throw BenchStopped(description: "\(shape.table): \(answer.status) \(said)")
    }
  }
}
