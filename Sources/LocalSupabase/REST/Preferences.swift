import Transport

/// What `Prefer` headers ask for; of several values of one kind the first counts, unknown words do not.
struct Preferences {
  enum Kind: CaseIterable {
    case resolution, missing, representation, parameters, count
  }

  private static let words: [String: Kind] = [
    "resolution=merge-duplicates": .resolution, "resolution=ignore-duplicates": .resolution,
    "missing=default": .missing, "missing=null": .missing,
    "return=minimal": .representation, "return=headers-only": .representation,
    "return=representation": .representation, "params=single-object": .parameters,
    "params=multiple-objects": .parameters, "count=exact": .count, "count=planned": .count,
    "count=estimated": .count,
  ]

  private var values: [Kind: String] = [:]

  init(_ headers: HTTPHeaders) {
    for field in headers.fields where field.name.lowercased() == "prefer" {
      for word in field.value.split(separator: ",") {
        let word = String(word).trimmingBlanks()
        if let kind = Self.words[word], values[kind] == nil { values[kind] = word }
      }
    }
  }

  var isMerge: Bool { values[.resolution] == "resolution=merge-duplicates" }
  var isIgnore: Bool { values[.resolution] == "resolution=ignore-duplicates" }
  var usesDefaults: Bool { values[.missing] == "missing=default" }
  var returnsRows: Bool { values[.representation] == "return=representation" }
  var returnsHeaders: Bool { values[.representation] == "return=headers-only" }
  var isSingleObject: Bool { values[.parameters] == "params=single-object" }
  var counts: Bool { values[.count] != nil }
  var countsExactly: Bool { values[.count] == "count=exact" }
  var estimates: Bool { values[.count] == "count=estimated" }

  /// `Preference-Applied` for the kinds that a request of its sort heeds.
  func applied(_ kinds: Set<Kind>) -> String? {
    let words = Kind.allCases.filter { kinds.contains($0) }.compactMap { values[$0] }
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }
}
