import JSON
import Mirror
import Testing
import Transport

/// The files that people copy to begin with.
@Suite struct ExampleFilesTests {
  private func content(_ path: String) throws -> [UInt8] {
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return try #require(try DurableFile(root.joined(separator: "/") + "/" + path).read())
  }

  @Test func `the example environment names every setting, and no other`() throws {
    let bytes = try content(".env.sync.example")
    #expect(EnvironmentFile(bytes, path: "").problems == [])
    // With its comments taken off, only the file's own path must stay out of the file.
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let names = lines.map { $0.drop { $0 == "#" || $0 == " " } }
      .filter { $0.hasPrefix("SYNC_") }.map { String($0.prefix { $0 != "=" }) }
    #expect(names.sorted() == Settings.variables.sorted())
  }

  @Test func `the defaults that the example shows are those that count`() throws {
    let text = String(decoding: try content(".env.sync.example"), as: UTF8.self)
      .replacing("\n#SYNC_", with: "\nSYNC_").replacing("<source ref>", with: "source")
      .replacing("<target ref>", with: "target")
    let keys = [
      "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_1",
      "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_2",
    ]
    let file = EnvironmentFile(Array(text.utf8), path: ".env.sync")
    #expect(file.values.count == Settings.variables.count - 1)
    let shown = try Settings.read(environment: keys, file: file)
    let urls = [
      "SYNC_SOURCE_SUPABASE_URL": "https://source.supabase.co",
      "SYNC_TARGET_SUPABASE_URL": "https://target.supabase.co",
    ]
    let bare = try Settings.read(environment: keys.merging(urls) { $1 }, file: nil)
    #expect(String(reflecting: shown) == String(reflecting: bare))
  }

  @Test func `the manual lists every setting`() throws {
    let manual = String(decoding: try content("README.md"), as: UTF8.self)
    for name in Settings.variables { #expect(manual.contains("`\(name)`"), "\(name)") }
  }

  @Test func `the example table configuration is read`() throws {
    let path = "config/tables.config.json"
    #expect(try TableConfiguration.read(content(path), path: path).count == 1)
  }

  @Test func `the schema for editors knows what the program knows`() throws {
    let schema = try JSONNode(parsing: content("config/tables.config.schema.json"))
    let names = schema["$defs"]?["table"]?["properties"]?.members?.map(\.name) ?? []
    #expect(names.count == 6)
    // A name that the program does not know would be an error of its own, next to those of the value.
    for name in names {
      let text = "{\"tables\": [{\"\(name)\": {}}]}"
      let error = #expect(throws: ConfigurationError.self) {
        try TableConfiguration.read(Array(text.utf8), path: "")
      }
      #expect(error?.description.contains("is not a setting") == false, "\(name)")
    }
  }
}
