/// The text inside JSON: strings with and without their escapes, and places for messages.
package enum JSONText {
  /// The line and column of a byte, both from 1, for messages about files. Columns count characters of UTF-8 text,
  /// not bytes.
  package static func position(ofByte offset: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for byte in bytes.prefix(max(0, offset)) {
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }

  /// The text between the quotes of a checked string, without its escapes; nil where an escape is half of a
  /// surrogate pair, which no Swift string can hold.
  static func decode(_ text: Span<UInt8>, at range: Range<Int>) -> String? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(range.count)
    var i = range.lowerBound
    while i < range.upperBound {
      guard text[i] == UInt8(ascii: "\\") else {
        decoded.append(text[i])
        i += 1
        continue
      }
      switch text[i + 1] {
      case UInt8(ascii: "b"): decoded.append(0x08)
      case UInt8(ascii: "f"): decoded.append(0x0C)
      case UInt8(ascii: "n"): decoded.append(0x0A)
      case UInt8(ascii: "r"): decoded.append(0x0D)
      case UInt8(ascii: "t"): decoded.append(0x09)
      case UInt8(ascii: "u"):
        var units = [codeUnit(text, at: i + 2)]
        if UTF16.isLeadSurrogate(units[0]), i + 12 <= range.upperBound,
          text[i + 6] == UInt8(ascii: "\\"), text[i + 7] == UInt8(ascii: "u")
        {
          units.append(codeUnit(text, at: i + 8))
        }
        guard let scalars = String(validating: units, as: UTF16.self) else { return nil }
        decoded.append(contentsOf: scalars.utf8)
        i += units.count * 6
        continue
      default: decoded.append(text[i + 1])
      }
      i += 2
    }
    return String(validating: decoded, as: UTF8.self)
  }

  private static func codeUnit(_ text: Span<UInt8>, at start: Int) -> UInt16 {
    var unit: UInt16 = 0
    for i in start..<start + 4 { unit = unit << 4 | (JSONScanner.hexDigit(text[i]) ?? 0) }
    return unit
  }

  /// Whether the checked string between the quotes is `name`.
  static func names(_ name: String, _ text: Span<UInt8>, at range: Range<Int>) -> Bool {
    var i = range.lowerBound
    for byte in name.utf8 {
      guard i < range.upperBound, text[i] == byte, byte != UInt8(ascii: "\\") else {
        // Only an escape can still make it equal.
        guard i < range.upperBound, text[i] == UInt8(ascii: "\\") else { return false }
        return decode(text, at: range)?.utf8.elementsEqual(name.utf8) ?? false
      }
      i += 1
    }
    return i == range.upperBound
  }

  /// Appends a quoted string, with the escapes that JSON demands and no other.
  static func encode(_ string: String, into bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0x08: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "b")]
      case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
      case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      case 0x0C: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "f")]
      case 0x0D: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        bytes += Array("\\u00\(byte < 0x10 ? "0" : "")\(digits)".utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
