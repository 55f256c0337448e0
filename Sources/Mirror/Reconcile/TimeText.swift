/// PostgreSQL's ISO texts of times, as PostgREST writes them in JSON, against microseconds since 2000-01-01.
/// The proleptic Gregorian calendar, as PostgreSQL counts.
package enum TimeText {
  package static let microsecondsADay: Int64 = 86_400_000_000
  /// 1970-01-01 on this scale.
  package static let unixEpoch: Int64 = -946_684_800_000_000

  /// 4714-11-24 BC, the first moment that PostgreSQL has.
  package static let least: Int64 = -211_813_488_000_000_000

  package enum Form: Hashable, Sendable {
    case date
    case local
    case zoned
  }

  /// What kind of time a text says, by its looks.
  package static func form(_ text: String) -> Form {
    guard let mark = text.firstIndex(where: { $0 == "T" || $0 == ":" }) else { return .date }
    return text[mark...].contains { "+-Z".contains($0) } ? .zoned : .local
  }

  /// Reads `2024-02-29`, `2024-02-29T12:34:56.789012`, the same with `+00:00`, `+05:30`, `-08`, `Z`, and with
  /// ` BC` at the end. nil for anything else.
  package static func microseconds(_ text: String) -> Int64? {
    var scan = Scanner(text.utf8)
    guard let yearDigits = scan.digits(4...6), scan.take("-"), let month = scan.digits(2...2),
      scan.take("-"), let day = scan.digits(2...2), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    var time: Int64 = 0
    if scan.take("T") || scan.take(" ") {
      if scan.rest == "BC" { return whole(yearDigits, month, day, 0, isBC: true) }
      guard let hour = scan.digits(2...2), scan.take(":"), let minute = scan.digits(2...2),
        scan.take(":"), let second = scan.digits(2...2), hour <= 24, minute <= 59, second <= 60
      else { return nil }
      time = ((hour * 60 + minute) * 60 + second) * 1_000_000
      if scan.take(".") {
        guard let fraction = scan.fraction() else { return nil }
        time += fraction
      }
      guard let offset = scan.offset() else { return nil }
      time -= offset * 1_000_000
    }
    let isBC = scan.rest == " BC"
    guard isBC || scan.isAtEnd else { return nil }
    return whole(yearDigits, month, day, time, isBC: isBC)
  }

  /// `2024-02-29`, rounded down to the day.
  package static func date(_ microseconds: Int64) -> String {
    let (year, month, day) = civil(floorDivide(microseconds, microsecondsADay))
    return year > 0
      ? "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
      : "\(padded(1 - year, 4))-\(padded(month, 2))-\(padded(day, 2)) BC"
  }

  /// `2024-02-29T12:34:56.789012` and the offset; ` BC` last.
  package static func timestamp(_ microseconds: Int64, offset: String) -> String {
    let day = floorDivide(microseconds, microsecondsADay)
    let time = microseconds - day * microsecondsADay
    let seconds = time / 1_000_000
    let clock =
      "T\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
      + ".\(padded(time % 1_000_000, 6))\(offset)"
    let date = date(microseconds)
    return date.hasSuffix(" BC") ? date.dropLast(3) + clock + " BC" : date + clock
  }

  private static func whole(
    _ year: Int64, _ month: Int64, _ day: Int64, _ time: Int64, isBC: Bool
  ) -> Int64? {
    let days = daysSince2000(isBC ? 1 - year : year, month, day)
    let (start, overflow) = days.multipliedReportingOverflow(by: microsecondsADay)
    guard !overflow else { return nil }
    let (result, overflowed) = start.addingReportingOverflow(time)
    return overflowed ? nil : result
  }

  /// Days of a civil date, by counting from 1 March of year 0 in eras of 400 years.
  private static func daysSince2000(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = floorDivide(y, 400)
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 730_425
  }

  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let z = days + 730_425
    let era = floorDivide(z, 146_097)
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let m = (5 * dayOfYear + 2) / 153
    let month = m < 10 ? m + 3 : m - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1
    )
  }

  private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    a >= 0 ? a / b : -((-(a + 1)) / b) - 1
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private struct Scanner {
    private let bytes: [UInt8]
    private var next = 0

    init(_ text: String.UTF8View) { bytes = Array(text) }

    var isAtEnd: Bool { next == bytes.count }
    var rest: String { String(decoding: bytes[next...], as: UTF8.self) }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard next < bytes.count, bytes[next] == UInt8(ascii: character) else { return false }
      next += 1
      return true
    }

    mutating func digits(_ count: ClosedRange<Int>) -> Int64? {
      var value: Int64 = 0
      var taken = 0
      while next < bytes.count, taken < count.upperBound, (48...57).contains(bytes[next]) {
        value = value * 10 + Int64(bytes[next] - 48)
        next += 1
        taken += 1
      }
      return count.contains(taken) ? value : nil
    }

    /// Up to six digits as microseconds.
    mutating func fraction() -> Int64? {
      let start = next
      guard let value = digits(1...6) else { return nil }
      return (next - start..<6).reduce(value) { value, _ in value * 10 }
    }

    /// Seconds east of UTC; 0 where there is none.
    mutating func offset() -> Int64? {
      if take("Z") { return 0 }
      let isEast = take("+")
      guard isEast || take("-") else { return 0 }
      guard let hours = digits(2...2) else { return nil }
      var seconds = hours * 3600
      if take(":") {
        guard let minutes = digits(2...2) else { return nil }
        seconds += minutes * 60
        if take(":") {
          guard let rest = digits(2...2) else { return nil }
          seconds += rest
        }
      }
      return isEast ? seconds : -seconds
    }
  }
}
