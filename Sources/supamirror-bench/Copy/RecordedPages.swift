import Transport

/// The bodies of a table's pages, read beforehand: in memory, or in files where there are too many.
struct RecordedPages: Sendable {
  /// The keys of each page.
  let keys: [ClosedRange<Int>]
  private let folder: String?
  private let bodies: Locked<[[UInt8]?]>
  private static let memoryLimit = 1 << 30

  init(_ aCase: CopyCase, page: Int, folder: String) {
    keys = stride(from: 1, through: aCase.rows, by: page).map {
      $0...min($0 + page - 1, aCase.rows)
    }
    self.folder = aCase.rows * aCase.shape.bytes > Self.memoryLimit ? folder : nil
    bodies = Locked(Array(repeating: nil, count: keys.count))
  }

  func keep(_ body: [UInt8], of page: Int) throws {
    guard let folder else { return bodies.withLock { $0[page] = body } }
    try SnapshotFile("\(folder)/page-\(page)").replace(with: body)
  }

  func body(of page: Int) throws -> [UInt8] {
    let body =
      if let folder { try SnapshotFile("\(folder)/page-\(page)").read() } else {
        bodies.withLock { $0[page] }
      }
    guard let body else { throw BenchStopped(description: "page \(page) was not read") }
    return body
  }

  func remove() throws {
    guard let folder else { return }
    for page in keys.indices { try SnapshotFile("\(folder)/page-\(page)").remove() }
  }
}
