/// Sizes as people say them.
enum SpokenBytes {
  /// `900 B`, `1.2 kB`, `35 MB`, `1.5 GB`: three digits at most before the unit, a tenth below ten.
  static func text(_ bytes: Int) -> String {
    var tenths = max(0, bytes).multipliedReportingOverflow(by: 10).partialValue
    if bytes > .max / 10 { tenths = .max }
    guard tenths >= 10_000 else { return "\(tenths / 10) B" }
    var unit = 0
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
    tenths = (tenths + 500) / 1_000
    while tenths >= 10_000, unit + 1 < units.count {
      tenths = (tenths + 500) / 1_000
      unit += 1
    }
    let number = tenths < 100 ? "\(tenths / 10).\(tenths % 10)" : "\((tenths + 5) / 10)"
    return "\(number) \(units[unit])"
  }
}
