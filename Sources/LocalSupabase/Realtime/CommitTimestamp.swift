/// A commit's time as events tell it.
enum CommitTimestamp {
  /// `2026-03-01T10:20:30.456Z` of `2026-03-01 10:20:30.4567+00`; nil for other time zones and years beyond 9999.
  static func utc(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 22, bytes.suffix(3).elementsEqual("+00".utf8),
      bytes[4] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: " ")
    else { return nil }
    let fraction = bytes[19..<bytes.count - 3].dropFirst()
    var milliseconds = Array(fraction.prefix(3))
    while milliseconds.count < 3 { milliseconds.append(UInt8(ascii: "0")) }
    let date = String(decoding: bytes[..<10], as: UTF8.self)
    let time = String(decoding: bytes[11..<19], as: UTF8.self)
    return "\(date)T\(time).\(String(decoding: milliseconds, as: UTF8.self))Z"
  }
}
