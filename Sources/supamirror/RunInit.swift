import Mirror
import Supabase
import Transport

/// `supamirror init`: writes the files that a mirror begins with, or says what has changed since.
func runInit(
  _ configuration: Configuration, _ arguments: Arguments, _ variables: [String: String]
) async throws -> ExitCode {
  let output = StandardStream.output
  let environment = DurableFile(configuration.environmentPath)
  let hasFile = try environment.read() != nil
  if !hasFile, !EnvironmentText.namesProjects(variables) {
    try environment.makeFolder()
    try environment.replace(with: Array(EnvironmentText.template.utf8))
    output.write(InitText.fillIn(environment.path, options: configuration.options))
    return .configuration
  }
  let settings = try configuration.settings()
  if !hasFile {
    try environment.makeFolder()
    try environment.replace(with: Array(EnvironmentText.file(of: variables).utf8))
    output.write("\(environment.path) written from the environment (mode 0600)\n")
  }
  let path = settings.tableConfigPath
  let present = arguments.overwrites ? nil : try configuration.presentTables(path)
  let survey: InitSurvey
  do {
    survey = try await InitSurvey(settings, arguments.schemas)
  } catch let error as PostgRESTError {
    StandardStream.error.write("supamirror: \(LogLine.printable(error.message))\n")
    return .project
  }
  let text = InitText(
    survey.proposals, isDetailed: survey.source.isDetailed, options: configuration.options)
  output.write("\(survey.source.url), the source: \(text.summary)\n")
  let chosen = survey.proposals.compactMap(\.configuration)
  if let present {
    output.write(text.remarks)
    let changes = ConfigurationChanges(
      from: present, to: survey.proposals, source: survey.source,
      target: await survey.target(of: present, settings))
    if changes.lines.isEmpty {
      output.write("\(path) is up to date.\n" + text.nextSteps)
      return .clean
    }
    output.write(
      "\(path) is not up to date with the source:\n"
        + changes.lines.map { "  \(LogLine.printable($0))\n" }.joined()
        + "Nothing was written. Correct it by hand, or write it anew:\n"
        + "  supamirror init --force\(configuration.options)\n"
        + "Then print the migration again and apply it to both projects.\n")
    return .incomplete
  }
  output.write(text.remarks)
  guard !chosen.isEmpty else {
    output.write("No table can be mirrored as it is; nothing was written.\n")
    return .incomplete
  }
  let file = DurableFile(path)
  try file.makeFolder()
  let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
  let schemaPath = (folder + ["tables.config.schema.json"]).joined(separator: "/")
  let hasSchema = try DurableFile(schemaPath).read() != nil
  try file.replace(
    with: Array(
      TableConfiguration.text(
        of: chosen, schemaFile: hasSchema ? "./tables.config.schema.json" : nil
      ).utf8), isPrivate: false)
  output.write("\(path) written: \(chosen.count) tables\n" + text.nextSteps)
  return .clean
}

/// What the source has to offer.
private struct InitSurvey {
  let source: ProjectCatalogue
  let proposals: [TableProposal]

  private let connection: Connection

  /// - Throws: `PostgRESTError` where the source cannot be used, `ConfigurationError` for a schema that it does not serve.
  init(_ settings: Settings, _ wanted: [String]) async throws {
    connection = Connection(settings, origin: MirrorIdentity(settings).name)
    var schemas = Set(wanted)
    if wanted.isEmpty {
      let served = try await connection.inquiry(settings.source).exposedSchemas() ?? ["public"]
      schemas = Set(served.filter { !SystemSchema.isSystem($0) })
    }
    let reader = CatalogueReader(settings.source, connection)
    var source = try await reader.read(schemas: schemas)
    let hidden = source.unservedSchemas.filter(wanted.contains)
    guard hidden.isEmpty else {
      throw ConfigurationError(
        hidden.map {
          "--schema \($0): the source does not serve this schema; add it to the exposed schemas "
            + "(Project Settings, Data API)"
        })
    }
    if !source.isDetailed {
      try await reader.findViews(among: source.writableTables(of: schemas), in: &source)
    }
    self.source = source
    proposals = TableProposal.all(of: source, schemas: schemas)
  }

  /// nil where it cannot be asked: then it is the check's to say so.
  func target(of tables: [TableConfiguration], _ settings: Settings) async -> ProjectCatalogue? {
    let reader = CatalogueReader(settings.target, connection)
    return try? await reader.read(schemas: Set(tables.map(\.name.schema)))
  }
}
