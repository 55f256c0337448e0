import JSON

/// The document's parameters: the common ones, a table's body and filters, a function's arguments.
enum OpenAPIParameters {
  static func writeCommon(_ json: inout JSONWriter) {
    let returns = ["return=representation", "return=minimal", "return=none"]
    let resolutions = ["resolution=ignore-duplicates", "resolution=merge-duplicates"]
    let preferences = [
      ("preferParams", ["params=single-object"]), ("preferReturn", returns),
      ("preferCount", ["count=none"]), ("preferPost", returns + resolutions),
    ]
    for (key, values) in preferences {
      begin(key, "Prefer", "Preference", &json)
      json.name("enum")
      json.beginArray()
      for value in values { json.string(value) }
      json.endArray()
      end("header", &json)
    }
    let paging = "Limiting and Pagination"
    let others = [
      ("select", "select", "Filtering Columns", "query"),
      ("on_conflict", "on_conflict", "On Conflict", "query"),
      ("order", "order", "Ordering", "query"), ("range", "Range", paging, "header"),
      ("rangeUnit", "Range-Unit", paging, "header"), ("offset", "offset", paging, "query"),
      ("limit", "limit", paging, "query"),
    ]
    for (key, name, description, place) in others {
      begin(key, name, description, &json)
      if key == "rangeUnit" { member("default", "items", &json) }
      end(place, &json)
    }
  }

  static func write(_ table: OpenAPICatalogue.Table, _ json: inout JSONWriter) {
    begin("body.\(table.name)", table.name, table.name, &json)
    member("in", "body", &json)
    json.name("schema")
    json.beginObject()
    member("$ref", "#/definitions/\(table.name)", &json)
    json.endObject()
    json.endObject()
    for column in table.columns {
      begin("rowFilter.\(table.name).\(column.name)", column.name, column.comment, &json)
      member("format", column.type, &json)
      end("query", &json)
    }
  }

  /// The arguments as parameters of a query, or as one body.
  static func write(
    _ function: OpenAPICatalogue.Function, _ method: String, _ json: inout JSONWriter
  ) {
    guard method == "post" else {
      guard !function.parameters.isEmpty else { return }
      json.name("parameters")
      json.beginArray()
      for parameter in function.parameters { writeQuery(parameter, &json) }
      json.endArray()
      return
    }
    json.name("parameters")
    json.beginArray()
    json.beginObject()
    member("in", "body", &json)
    member("name", "args", &json)
    json.name("required")
    json.bool(true)
    json.name("schema")
    writeBody(function, &json)
    json.endObject()
    json.beginObject()
    member("$ref", "#/parameters/preferParams", &json)
    json.endObject()
    json.endArray()
  }

  private static func writeQuery(
    _ parameter: OpenAPICatalogue.Parameter, _ json: inout JSONWriter
  ) {
    let element = parameter.isVariadic ? SwaggerType.element(of: parameter.type) : nil
    json.beginObject()
    if let element {
      member("collectionFormat", "multi", &json)
      member("in", "query", &json)
      json.name("items")
      json.beginObject()
      member("format", element, &json)
      member("type", scalar(element), &json)
      json.endObject()
    } else {
      member("format", parameter.type, &json)
      member("in", "query", &json)
    }
    member("name", parameter.name, &json)
    json.name("required")
    json.bool(parameter.isRequired)
    member("type", element == nil ? scalar(parameter.type) : "array", &json)
    json.endObject()
  }

  private static func writeBody(
    _ function: OpenAPICatalogue.Function, _ json: inout JSONWriter
  ) {
    json.beginObject()
    if !function.parameters.isEmpty {
      json.name("properties")
      json.beginObject()
      for parameter in function.parameters.sorted(by: {
        $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
      }) {
        json.name(parameter.name)
        json.beginObject()
        member("format", parameter.type, &json)
        if let element = SwaggerType.element(of: parameter.type) {
          json.name("items")
          json.beginObject()
          if let type = SwaggerType.of(element) { member("type", type, &json) }
          json.endObject()
        }
        if let type = SwaggerType.of(parameter.type) { member("type", type, &json) }
        json.endObject()
      }
      json.endObject()
      let required = function.parameters.filter(\.isRequired)
      if !required.isEmpty {
        json.name("required")
        json.beginArray()
        for parameter in required { json.string(parameter.name) }
        json.endArray()
      }
    }
    member("type", "object", &json)
    json.endObject()
  }

  /// In a query, arrays and JSON are strings.
  private static func scalar(_ type: String) -> String {
    switch SwaggerType.of(type) {
    case nil, "array": "string"
    case let type?: type
    }
  }

  private static func begin(
    _ key: String, _ name: String, _ description: String?, _ json: inout JSONWriter
  ) {
    json.name(key)
    json.beginObject()
    member("name", name, &json)
    if let description { member("description", description, &json) }
    json.name("required")
    json.bool(false)
  }

  private static func end(_ place: String, _ json: inout JSONWriter) {
    member("in", place, &json)
    member("type", "string", &json)
    json.endObject()
  }

  private static func member(_ name: String, _ value: String, _ json: inout JSONWriter) {
    json.name(name)
    json.string(value)
  }
}
