/// Builds one JSON document, front to back. Commas, quotes and escapes are its business; that names and values take
/// turns and what is begun is ended is the caller's.
package struct JSONWriter: Sendable {
  package private(set) var bytes: [UInt8] = []
  private let indentation: Int?
  /// For each open container, whether something stands in it.
  private var open: [Bool] = []
  private var followsName = false

  /// `indentation`: blanks a level, for files that people read; nil: no blanks at all.
  package init(indentation: Int? = nil) { self.indentation = indentation }

  package var text: String { String(decoding: bytes, as: UTF8.self) }

  package mutating func beginObject() { begin(UInt8(ascii: "{")) }
  package mutating func endObject() { end(UInt8(ascii: "}")) }
  package mutating func beginArray() { begin(UInt8(ascii: "[")) }
  package mutating func endArray() { end(UInt8(ascii: "]")) }

  /// A member's name; its value must follow.
  package mutating func name(_ name: String) {
    separate()
    JSONText.encode(name, into: &bytes)
    bytes.append(UInt8(ascii: ":"))
    if indentation != nil { bytes.append(UInt8(ascii: " ")) }
    followsName = true
  }

  package mutating func string(_ string: String) {
    separate()
    JSONText.encode(string, into: &bytes)
  }

  package mutating func number(_ number: Int) { write("\(number)") }
  package mutating func bool(_ bool: Bool) { write(bool ? "true" : "false") }
  package mutating func null() { write("null") }

  /// A value byte for byte as it was received.
  package mutating func raw(_ token: JSONToken) { raw(token.bytes) }

  /// A checked value byte for byte, for rows and arrays that need no token of their own.
  package mutating func raw(_ value: some Sequence<UInt8>) {
    separate()
    bytes.append(contentsOf: value)
  }

  private mutating func write(_ value: String) {
    separate()
    bytes.append(contentsOf: value.utf8)
  }

  private mutating func begin(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    open.append(false)
  }

  private mutating func end(_ bracket: UInt8) {
    precondition(!followsName, "a name has no value")
    let hasElements = open.removeLast()
    if hasElements { breakLine() }
    bytes.append(bracket)
  }

  private mutating func separate() {
    if followsName {
      followsName = false
    } else if let last = open.indices.last {
      if open[last] { bytes.append(UInt8(ascii: ",")) }
      open[last] = true
      breakLine()
    }
  }

  private mutating func breakLine() {
    guard let indentation else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(0x20, count: indentation * open.count))
  }
}
