/// One statement that computes SQL expressions over many values at once: an arm for each expression, over all its values.
struct ValueStatement: Sendable {
  /// Where a computed value will stand.
  struct Place: Hashable, Sendable {
    fileprivate var arm: Int
    fileprivate var index: Int
  }

  /// What the statement gave.
  struct Answers: Sendable {
    fileprivate var values: [[[UInt8]?]] = []

    /// nil for NULL.
    subscript(place: Place) -> [UInt8]? { values[place.arm][place.index] }
  }

  private struct Arm: Sendable {
    var expression: String
    /// A JSON array that is not ended yet.
    var values: [UInt8] = [UInt8(ascii: "[")]
    var count = 0
  }

  private var arms: [Arm] = []
  private var numbers: [String: Int] = [:]

  /// - Parameters:
  ///   - expression: SQL of type `text` over the text `v`.
  ///   - value: the JSON of a string, number or boolean, whose text `v` is; nil: `v` is NULL.
  mutating func add(_ expression: String, _ value: ArraySlice<UInt8>?) -> Place {
    let number = numbers[expression] ?? arms.count
    if number == arms.count {
      numbers[expression] = number
      arms.append(Arm(expression: expression))
    }
    if arms[number].count > 0 { arms[number].values.append(UInt8(ascii: ",")) }
    if let value {
      arms[number].values.append(contentsOf: value)
    } else {
      arms[number].values.append(contentsOf: "null".utf8)
    }
    arms[number].count += 1
    return Place(arm: number, index: arms[number].count - 1)
  }

  /// - Throws: for the first value that an expression fails at.
  func run(_ connection: PostgresConnection) throws(PostgresError) -> Answers {
    var answers = Answers(values: arms.map { [[UInt8]?](repeating: nil, count: $0.count) })
    guard !arms.isEmpty else { return answers }
    let selects = arms.enumerated().map { number, arm in
      "select \(number), place - 1, \(arm.expression) "
        + "from json_array_elements_text($\(number + 1)) with ordinality x(v, place)"
    }
    let result = try connection.execute(
      selects.joined(separator: " union all "),
      arms.map { .json($0.values + [UInt8(ascii: "]")]) })
    for row in 0..<result.rowCount {
      guard let arm = result.string(row, 0).flatMap({ Int($0) }),
        let index = result.string(row, 1).flatMap({ Int($0) })
      else { continue }
      answers.values[arm][index] = result.bytes(row, 2)
    }
    return answers
  }
}
