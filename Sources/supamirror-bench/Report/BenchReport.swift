import JSON

/// The numbers of a run, for people and programs, and whether one is worse than what is promised.
struct BenchReport {
  enum Promise {
    case atMost(Double)
    case atLeast(Double)

    func isMet(by value: Double) -> Bool {
      switch self {
      case .atMost(let limit): value <= limit
      case .atLeast(let limit): value >= limit
      }
    }

    var text: String {
      switch self {
      case .atMost(let limit): "at most \(BenchReport.text(limit))"
      case .atLeast(let limit): "at least \(BenchReport.text(limit))"
      }
    }
  }

  struct Number {
    let name: String
    let value: Double
    let unit: String
    let promise: Promise?

    var verdict: String? {
      promise.map { "\($0.isMet(by: value) ? "ok" : "MISSED"), \($0.text)" }
    }
  }

  private(set) var numbers: [Number] = []
  /// What was copied, how, and how long it took.
  var copies: [CopyResult] = []
  /// What a reader of the numbers has to know.
  private(set) var notes: [String] = []

  var hasMissed: Bool { numbers.contains { $0.promise?.isMet(by: $0.value) == false } }

  mutating func add(_ name: String, _ value: Double, unit: String, _ promise: Promise? = nil) {
    let number = Number(name: name, value: value, unit: unit, promise: promise)
    numbers.append(number)
    var line = "  \(name.padded(to: 52))\(Self.text(value).padded(to: 10, atStart: true)) \(unit)"
    if let verdict = number.verdict { line += "   \(verdict)" }
    Bench.say(line)
  }

  mutating func note(_ text: String) {
    guard !notes.contains(text) else { return }
    notes.append(text)
    Bench.say("  \(text)")
  }

  var json: [UInt8] {
    var writer = JSONWriter(indentation: 2)
    writer.beginObject()
    for number in numbers {
      writer.name(number.name)
      writer.raw(Self.text(number.value).utf8)
    }
    if !copies.isEmpty {
      writer.name("copies")
      writer.beginArray()
      for copy in copies { copy.write(to: &writer) }
      writer.endArray()
    }
    writer.endObject()
    return writer.bytes + [0x0A]
  }

  /// With so many digits behind the point.
  static func text(_ value: Double, digits: Int = 2) -> String {
    guard value.isFinite else { return "0" }
    let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int64((value * Double(scale)).rounded())
    let sign = scaled < 0 ? "-" : ""
    let whole = "\(sign)\(abs(scaled) / Int64(scale))"
    if digits == 0 { return whole }
    return whole + "." + "\(abs(scaled) % Int64(scale))".padded(to: digits, with: "0")
  }

  /// A whole number, in groups of three.
  static func grouped(_ number: Int) -> String {
    var digits = Array("\(abs(number))")
    for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
    return (number < 0 ? "-" : "") + String(digits)
  }
}

extension String {
  func padded(to width: Int, atStart: Bool = false) -> String {
    let padding = String(repeating: " ", count: max(0, width - count))
    return atStart ? padding + self : self + padding
  }

  fileprivate func padded(to width: Int, with filling: String) -> String {
    String(repeating: filling, count: max(0, width - count)) + self
  }
}

extension Duration {
  var inSeconds: Double { self / .seconds(1) }
}
