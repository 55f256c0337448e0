/// A JSON document as a tree, for small documents: configuration, state, error bodies, OpenAPI.
/// Numbers stay text.
package struct JSONNode: Sendable {
  package indirect enum Value: Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONNode])
    case object([Member])
  }

  package struct Member: Sendable {
    package let name: String
    package let nameOffset: Int
    package let node: JSONNode
  }

  package let value: Value
  /// Where the value starts, in bytes from the start of the text.
  package let offset: Int

  package init(parsing bytes: [UInt8]) throws(JSONError) { fatalError("skeleton") }

  /// The last member of that name, nil for other kinds of values.
  package subscript(name: String) -> JSONNode? { nil }
  package var string: String? { nil }
  /// A number that is a plain integer and fits.
  package var int: Int? { nil }
  package var bool: Bool? { nil }
  package var array: [JSONNode]? { nil }
  package var members: [Member]? { nil }
  package var isNull: Bool { false }
}
