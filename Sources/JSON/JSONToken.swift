/// One JSON value, byte for byte as it was received. Numbers are never converted.
package struct JSONToken: Hashable, Sendable {
  package let bytes: [UInt8]

  /// The bytes must be one valid JSON value without blanks around it; the scanner makes these.
  package init(bytes: [UInt8]) { self.bytes = bytes }

  package static let null = JSONToken(bytes: Array("null".utf8))
  package var isNull: Bool { self == .null }
}
