/// Where and why bytes are not JSON. It never quotes the bytes.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Reason: String, Hashable, Sendable {
    case endedEarly = "the text ends in the middle of a value"
    case unexpectedByte = "a byte that cannot stand here"
    case invalidNumber = "a number that JSON does not allow"
    case invalidString = "a control character or broken escape in a string"
    case invalidUTF8 = "bytes that are not UTF-8 in a string"
    case tooDeep = "values nested too deep"
    case trailingBytes = "something after the end of the value"
    case wrongShape = "a value of another kind than expected"
  }

  package var reason: Reason
  /// Bytes from the start of the text.
  package var offset: Int

  package init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  package var description: String { "\(reason.rawValue), at byte \(offset)" }
}
