import LocalSupabase

extension Stack {
  /// How the two databases differ in these tables, by the text of every row; empty where they are equal.
  func differences(_ tables: String...) async throws -> [String] {
    var found: [String] = []
    for table in tables {
      if try await isEqual(table) { continue }
      async let sourceRows = source.rowTexts(table)
      async let targetRows = target.rowTexts(table)
      let (wanted, got) = try await (sourceRows, targetRows)
      guard wanted != got else { continue }
      let missing = Set(wanted).subtracting(got)
      let extra = Set(got).subtracting(wanted)
      found.append(
        "\(table): \(wanted.count) rows at the source, \(got.count) on the target; "
          + "\(missing.count) only at the source (\(missing.min()?.prefix(300) ?? "")), "
          + "\(extra.count) only on the target (\(extra.min()?.prefix(300) ?? ""))")
    }
    return found
  }

  /// Whether both sides hold the same rows, by sums of hashes of their texts.
  func isEqual(_ table: String) async throws -> Bool {
    async let sourceSums = source.rowSums(table)
    async let targetSums = target.rowSums(table)
    return try await sourceSums == targetSums
  }
}

extension TestProject {
  // Settings that could make two equal values look different, or two different ones equal.
  private static let settings =
    "set timezone = 'UTC'; set extra_float_digits = 3; set bytea_output = 'hex';"

  /// The number of rows, and 128 bits of what they are.
  fileprivate func rowSums(_ table: String) async throws -> [[String?]] {
    try await withConnection { connection in
      try connection.run(
        script: """
          \(Self.settings)
          select count(*), sum(hashtextextended(line, 1)), sum(hashtextextended(line, 2))
          from (select t::text as line from \(table) as t offset 0) as texts
          """
      ).rows
    }
  }

  /// Every row as PostgreSQL's own text, sorted.
  fileprivate func rowTexts(_ table: String) async throws -> [String] {
    try await withConnection { connection in
      try connection.run(script: Self.settings)
      let result = try connection.execute(
        "select t::text from \(table) as t order by t::text collate \"C\"")
      return (0..<result.rowCount).map { result.string($0, 0) ?? "" }
    }
  }
}
