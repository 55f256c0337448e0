/// Identifiers and literals for statements that a person is advised to run.
package enum SQLName {
  /// As it stands where it needs no quotes.
  package static func quoted(_ name: String) -> String {
    let isPlain =
      name.utf8.first.map { $0 > UInt8(ascii: "9") } ?? false
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "_"):
          true
        default: false
        }
      }
    if isPlain, !reserved.contains(name) { return name }
    var quoted = "\""
    for scalar in name.unicodeScalars {
      if scalar == "\"" { quoted.unicodeScalars.append(scalar) }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }

  package static func quoted(_ table: TableName) -> String {
    quoted(table.schema) + "." + quoted(table.name)
  }

  package static func list(_ names: [String]) -> String {
    names.map(quoted).joined(separator: ", ")
  }

  /// A text, whatever `standard_conforming_strings` is.
  package static func literal(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      if scalar == "'" || scalar == "\\" { escaped.unicodeScalars.append(scalar) }
      escaped.unicodeScalars.append(scalar)
    }
    return (text.contains("\\") ? "E'" : "'") + escaped + "'"
  }

  /// Words that name no column or table unless they are quoted (PostgreSQL's manual, appendix C: reserved, in one of
  /// the two ways).
  private static let reserved: Set<String> = Set(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
    returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
    unique user using variadic verbose when where window with between bigint bit boolean char character coalesce dec
    decimal exists extract float greatest grouping inout int integer interval json json_array json_arrayagg json_exists
    json_object json_objectagg json_query json_scalar json_serialize json_table json_value least merge_action national
    nchar none normalize nullif numeric out overlay position precision real row setof smallint substring time timestamp
    treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}
