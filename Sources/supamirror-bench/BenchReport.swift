import JSON

/// The numbers of a run, for programs, and whether one is worse than what is promised.
struct BenchReport {
  private var numbers: [(name: String, value: String)] = []
  private(set) var hasMissed = false

  /// - Parameter limit: what is promised; more is a miss.
  mutating func add(_ name: String, _ value: Double, unit: String, limit: Double? = nil) {
    let text = Self.text(value)
    numbers.append((name, text))
    var line = "  \(name.padded(to: 46))\(text.padded(to: 12, atStart: true)) \(unit)"
    if let limit {
      let isMet = value <= limit
      hasMissed = hasMissed || !isMet
      line += "   \(isMet ? "ok" : "MISSED"), at most \(Self.text(limit))"
    }
    Bench.say(line)
  }

  var json: [UInt8] {
    var writer = JSONWriter(indentation: 2)
    writer.beginObject()
    for number in numbers {
      writer.name(number.name)
      writer.raw(number.value.utf8)
    }
    writer.endObject()
    return writer.bytes + [0x0A]
  }

  static func text(_ value: Double) -> String {
    let scaled = Int64((value * 100).rounded())
    let rest = abs(scaled % 100)
    return "\(scaled < 0 ? "-" : "")\(abs(scaled) / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

extension String {
  func padded(to width: Int, atStart: Bool = false) -> String {
    let padding = String(repeating: " ", count: max(0, width - count))
    return atStart ? padding + self : self + padding
  }
}
