/// The parameters of a request target, decoded as PostgREST does: `+` is a blank, a broken escape stays as it
/// is (`flt-bad-pct`), `;` separates like `&` (`sel-semicolon`).
struct QueryString {
  struct Parameter {
    var name: String
    /// nil without `=`: such a parameter is ignored, but for the canonical form.
    var value: String?
  }

  /// A byte sequence that is no UTF-8; PostgREST breaks down over it (`flt-bad-utf8`).
  struct NotUTF8: Error {}

  let parameters: [Parameter]

  init(_ bytes: some Sequence<UInt8>) throws(NotUTF8) {
    var parameters: [Parameter] = []
    let separators: [UInt8] = [UInt8(ascii: "&"), UInt8(ascii: ";")]
    for part in Array(bytes).split(whereSeparator: { separators.contains($0) }) {
      let sign = part.firstIndex(of: UInt8(ascii: "="))
      let name = try Self.decode(part[..<(sign ?? part.endIndex)], plusIsBlank: true)
      let value = try sign.map { sign throws(NotUTF8) in
        try Self.decode(part[(sign + 1)...], plusIsBlank: true)
      }
      parameters.append(Parameter(name: name, value: value))
    }
    self.parameters = parameters
  }

  /// The value of the first parameter of that name.
  subscript(name: String) -> String? {
    for parameter in parameters where parameter.name == name {
      if let value = parameter.value { return value }
    }
    return nil
  }

  /// Sorted by name and encoded anew, several values of one name joined by commas: for `Content-Location`. Every
  /// byte counts as a character of Latin-1 (`sel-unicode-table`).
  var canonical: String {
    var values: [String: String] = [:]
    for parameter in parameters {
      let value = Self.encodeTwice(parameter.value ?? "")
      values[parameter.name] = values[parameter.name].map { "\($0),\(value)" } ?? value
    }
    let names = values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return names.map { "\(Self.encodeTwice($0))=\(values[$0] ?? "")" }.joined(separator: "&")
  }

  static func decode(_ bytes: some Collection<UInt8>, plusIsBlank: Bool) throws(NotUTF8) -> String {
    let bytes = Array(bytes)
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var i = 0
    while i < bytes.count {
      if bytes[i] == UInt8(ascii: "%"), i + 2 < bytes.count, let high = hexDigit(bytes[i + 1]),
        let low = hexDigit(bytes[i + 2])
      {
        decoded.append(high << 4 | low)
        i += 3
      } else {
        let isPlus = plusIsBlank && bytes[i] == UInt8(ascii: "+")
        decoded.append(isPlus ? UInt8(ascii: " ") : bytes[i])
        i += 1
      }
    }
    guard let text = String(validating: decoded, as: UTF8.self) else { throw NotUTF8() }
    return text
  }

  /// Everything but RFC 3986's unreserved characters.
  static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        encoded.append(byte)
      default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  private static func encodeTwice(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    scalars.append(contentsOf: text.utf8.map { Unicode.Scalar($0) })
    return encode(String(scalars))
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
