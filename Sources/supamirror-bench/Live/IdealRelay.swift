import JSON
import LocalSupabase
import Transport

/// The fastest there can be over these two protocols: takes what the feed sends and writes it as it is, all that waits
/// of one table in one request. It loses what the feed loses, and writes what the feed wrongly renders.
actor IdealRelay {
  private let stack: BenchStack
  private let client = HTTPClient(HTTPClient.Configuration())
  private let sockets = WebSocketClient()
  private var reading: Task<Void, Never>?
  private var writing: [Task<Void, Never>] = []
  private var waiting: [[[UInt8]]]

  init(_ stack: BenchStack) {
    self.stack = stack
    waiting = Array(repeating: [], count: stack.tables)
  }

  func start() async throws {
    let base = stack.source.url.replacing("http://", with: "ws://")
    let url = "\(base)/realtime/v1/websocket?apikey=\(stack.source.serviceKey)&vsn=2.0.0"
    let socket = try await sockets.connect(WebSocketRequest(url: url))
    let bindings = (0..<stack.tables).map {
      "{\"event\":\"*\",\"schema\":\"public\",\"table\":\"\(BenchStack.name($0))\"}"
    }.joined(separator: ",")
    let join =
      "[\"1\",\"1\",\"realtime:relay\",\"phx_join\",{\"config\":{\"postgres_changes\":[\(bindings)]}}]"
    try await socket.send(Array(join.utf8))
    while try await !Self.text(socket.receive()).contains("Subscribed to PostgreSQL") {}
    // Its slot is made a moment later.
    try await Task.sleep(for: .seconds(4))
    reading = Task { [weak self] in
      while let message = try? await socket.receive() { await self?.took(Self.text(message)) }
      await socket.close(code: 1_000)
    }
  }

  private static func text(_ message: WebSocketMessage) -> String {
    switch message {
    case .text(let bytes), .binary(let bytes): String(decoding: bytes, as: UTF8.self)
    }
  }

  private func took(_ frame: String) async {
    guard let document = try? JSONDocument(Array(frame.utf8)),
      let elements = document.elements(of: document.bytes.indices), elements.count == 5,
      let data = document.value(of: "data", in: elements[4]),
      let name = document.value(of: "table", in: data).flatMap(document.string),
      let table = Int(name.dropFirst("bench_".count))
    else { return }
    if let record = document.value(of: "record", in: data) {
      waiting[table].append(Array(document.bytes[record]))
      if waiting[table].count == 1 { write(table) }
    } else if let old = document.value(of: "old_record", in: data),
      let id = document.value(of: "id", in: old)
    {
      let text = document.token(at: id).text
      Task { await RESTCall(client, stack.target).delete(name, id: text) }
    }
  }

  private func write(_ table: Int) {
    Task {
      while !waiting[table].isEmpty {
        let rows = waiting[table]
        await RESTCall(client, stack.target).upsert(
          BenchStack.name(table), [0x5B] + rows.joined(separator: [0x2C]) + [0x5D])
        waiting[table].removeFirst(rows.count)
      }
    }
  }

  func stop() async {
    reading?.cancel()
    await reading?.value
    await sockets.close()
    await client.close()
  }
}
