import Glibc
import Testing
import Transport

/// A headless Chromium: what a page is after its scripts have run.
struct Browser: Sendable {
  struct Visit: Sendable {
    /// The document as it then is.
    let document: String
    /// What Chromium wrote about it, the console's messages among it.
    let log: String

    /// Errors and warnings of the page, refused resources included.
    var complaints: [String] {
      log.split(separator: "\n").filter { $0.contains("CONSOLE") }.map { String($0) }
    }
  }

  static let program: String? = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].first {
    unsafe access($0, X_OK) == 0
  }

  /// Not on systems that have it as a snap only, where set-up says so.
  static let isExpected: Bool = {
    if program != nil { return true }
    let system = (try? DurableFile("/etc/os-release").read()) ?? nil
    return !String(decoding: system ?? [], as: UTF8.self).contains("ID=ubuntu")
  }()

  /// Opens a page and lets its clock run on; timers fire as fast as the answers to their requests come.
  ///
  /// - Parameter time: of the page's own clock, in milliseconds.
  func visit(_ url: String, time: Int = 1_000) async throws -> Visit {
    try await run([url], "--dump-dom", "--virtual-time-budget=\(time)")
  }

  func screenshot(
    _ url: String, to path: String, width: Int, height: Int, isDark: Bool
  ) async throws {
    var options = [
      "--screenshot=\(path)", "--window-size=\(width),\(height)", "--hide-scrollbars",
      "--virtual-time-budget=1000",
    ]
    if isDark { options.append("--blink-settings=preferredColorScheme=0") }
    _ = try await run([url], options: options)
  }

  private func run(_ urls: [String], _ options: String...) async throws -> Visit {
    try await run(urls, options: options)
  }

  private func run(_ urls: [String], options: [String]) async throws -> Visit {
    let program = try #require(Self.program, "chromium is not installed; see .ci/setup")
    let folder = try Folder()
    let process = try ChildProcess(
      program,
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-extensions", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-proxy-server", "--enable-logging=stderr",
        "--user-data-dir=\(folder.path)",
      ] + options + urls,
      environment: ["HOME=\(folder.path)", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"],
      output: .pipe, error: .file("\(folder.path)/log"))
    let document = await process.allOutput()
    let status = await process.wait()
    let log = String(decoding: try DurableFile("\(folder.path)/log").read() ?? [], as: UTF8.self)
    #expect(status.isSuccess, "chromium \(status): \(log)")
    return Visit(document: document, log: log)
  }
}

/// A folder that goes with its last reference.
final class Folder: Sendable {
  let path: String

  init() throws {
    var name = Array("/tmp/supamirror-test-XXXXXX".utf8CString)
    try #require(unsafe mkdtemp(&name) != nil)
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { _ = unsafe system("rm -rf '\(path)'") }
}
