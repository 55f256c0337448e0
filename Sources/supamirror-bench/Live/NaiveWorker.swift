import JSON
import LocalSupabase
import Transport

/// What many begin with: look at every table each second for rows newer than the last ones, and write them one by one.
/// It deletes nothing and proves nothing.
final class NaiveWorker: Sendable {
  private let task: Task<Void, Never>

  init(_ stack: BenchStack) {
    task = Task {
      let client = HTTPClient(HTTPClient.Configuration())
      var last = Array(repeating: "1970-01-01T00:00:00Z", count: stack.tables)
      while !Task.isCancelled {
        for table in 0..<stack.tables {
          let query =
            "updated_at=gt.\(last[table].replacing("+", with: "%2B"))&order=updated_at&limit=1000"
          guard let body = await RESTCall(client, stack.source).get(BenchStack.name(table), query),
            let rows = try? JSONRows(body)
          else { continue }
          for index in rows.rows.indices {
            await RESTCall(client, stack.target).upsert(
              BenchStack.name(table), [0x5B] + rows.row(index) + [0x5D])
          }
          if rows.count > 0,
            let value = try? rows.values(of: ["updated_at"], inRow: rows.count - 1).first
          {
            last[table] = value?.string ?? last[table]
          }
        }
        try? await Task.sleep(for: .seconds(1))
      }
      await client.close()
    }
  }

  func stop() async {
    task.cancel()
    await task.value
  }
}

/// The least that a request to a project takes.
struct RESTCall {
  private let client: HTTPClient
  private let project: LocalProject

  init(_ client: HTTPClient, _ project: LocalProject) {
    self.client = client
    self.project = project
  }

  private var headers: [HTTPHeader] {
    [
      HTTPHeader("apikey", project.serviceKey),
      HTTPHeader("Authorization", "Bearer \(project.serviceKey)"),
    ]
  }

  func get(_ table: String, _ query: String) async -> [UInt8]? {
    let request = HTTPRequest(
      method: "GET", url: "\(project.url)/rest/v1/\(table)?\(query)", headers: HTTPHeaders(headers))
    return try? await client.send(request).body
  }

  func upsert(_ table: String, _ rows: [UInt8]) async {
    let extra = [
      HTTPHeader("Content-Type", "application/json"),
      HTTPHeader("Prefer", "resolution=merge-duplicates,return=minimal"),
    ]
    let request = HTTPRequest(
      method: "POST", url: "\(project.url)/rest/v1/\(table)", headers: HTTPHeaders(headers + extra),
      body: rows)
    _ = try? await client.send(request)
  }

  func delete(_ table: String, id: String) async {
    let request = HTTPRequest(
      method: "DELETE", url: "\(project.url)/rest/v1/\(table)?id=eq.\(id)",
      headers: HTTPHeaders(headers))
    _ = try? await client.send(request)
  }
}
