/// Rows to fetch out of a page of keys: stretches that lie close together in its order are read by range, scattered
/// ones by key.
struct RowRuns: Hashable {
  private(set) var ranges: [Range<Int>] = []
  private(set) var scattered: [Int] = []

  /// Fewer than these are asked for by key: a request or two for all of a page's.
  static let shortest = 50

  /// - Parameter indices: ascending.
  init(_ indices: [Int], shortest: Int = Self.shortest) {
    var start = indices.startIndex
    while start < indices.endIndex {
      var end = start + 1
      while end < indices.endIndex, indices[end] == indices[end - 1] + 1 { end += 1 }
      if end - start >= shortest {
        ranges.append(indices[start]..<indices[end - 1] + 1)
      } else {
        scattered += indices[start..<end]
      }
      start = end
    }
  }
}
