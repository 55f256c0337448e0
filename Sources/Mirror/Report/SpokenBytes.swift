/// Sizes as people say them.
enum SpokenBytes {
  /// `900 B`, `1.2 kB`, `35 MB`, `1.5 GB`: three digits at most before the unit, a tenth below ten.
  static func text(_ bytes: Int) -> String {
    guard bytes >= 1_000 else { return "\(max(0, bytes)) B" }
    var number = Double(bytes) / 1_000
    var units = ["kB", "MB", "GB", "TB", "PB", "EB"][...]
    while number >= 999.5, units.count > 1 {
      number /= 1_000
      units.removeFirst()
    }
    let tenths = Int((number * 10).rounded())
    let shown = tenths < 100 ? "\(tenths / 10).\(tenths % 10)" : "\(Int(number.rounded()))"
    return "\(shown) \(units.first ?? "")"
  }
}
