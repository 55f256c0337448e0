/// Bytes that wait to be written, in the arrays they came in: nothing is copied until it goes out.
struct OutputQueue {
  private var pieces: [[UInt8]] = []
  private var first = 0
  /// How much of the first piece has gone out.
  private var offset = 0

  private(set) var byteCount = 0

  var isEmpty: Bool { byteCount == 0 }

  mutating func append(_ piece: [UInt8]) {
    if piece.isEmpty { return }
    pieces.append(piece)
    byteCount += piece.count
  }

  /// Moves as many bytes as there are or fit into `buffer`; their number.
  mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    var filled = 0
    while first < pieces.count && filled < buffer.count {
      let piece = pieces[first]
      let count = min(piece.count - offset, buffer.count - filled)
      unsafe piece.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
      }
      filled += count
      offset += count
      if offset == piece.count {
        pieces[first] = []
        first += 1
        offset = 0
      }
    }
    byteCount -= filled
    if isEmpty {
      pieces.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= 64, first * 2 >= pieces.count {
      // A queue that is never empty must not keep the places of what has gone out.
      pieces.removeFirst(first)
      first = 0
    }
    return filled
  }
}
