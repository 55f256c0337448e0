import Mirror
import Supabase
import Transport

/// A client a project, so that a slow one takes no connection from the other.
///
/// What passes ask for is paced by `SYNC_MAX_REQUESTS` and `SYNC_MAX_BYTES_PER_SECOND`. What the feed names and marker
/// rows go past that, over connections that are kept free for them: they are small, and their lag is what counts.
struct Connection {
  private let configuration: HTTPClient.Configuration
  private let limits: RequestLimits
  private let origin: String
  private let pace: Pace

  init(_ settings: Settings, origin: String) {
    var configuration = HTTPClient.Configuration()
    configuration.caFile = settings.caFile
    configuration.userAgent = "supamirror/\(Version.current)"
    configuration.stallLimit = max(configuration.stallLimit, settings.requestTime)
    configuration.connectionsPerHost = max(
      configuration.connectionsPerHost, settings.maxRequests + Self.unpacedConnections)
    pace = Pace(most: settings.maxRequests, bytesPerSecond: settings.maxBytesPerSecond)
    var limits = RequestLimits()
    limits.requestTime = settings.requestTime
    limits.retryTime = settings.retryTime
    self.configuration = configuration
    self.limits = limits
    self.origin = origin
  }

  private static let unpacedConnections = 8

  func project(_ project: Project) -> PostgREST {
    self.project(project, over: paced(transport))
  }

  /// For passes.
  func paced(_ transport: any HTTPTransport) -> PacedTransport { PacedTransport(transport, pace) }

  var transport: HTTPClient { HTTPClient(configuration) }

  func project(_ project: Project, over transport: any HTTPTransport) -> PostgREST {
    PostgREST(project: project, origin: origin, transport: transport, limits: limits)
  }

  /// The same, but no request is tried twice, and none waits for long: it goes with the next one.
  func probe(_ project: Project, over transport: any HTTPTransport) -> PostgREST {
    var limits = limits
    limits.retryTime = .zero
    limits.requestTime = min(limits.requestTime, .seconds(15))
    return PostgREST(project: project, origin: origin, transport: transport, limits: limits)
  }

  /// For commands that a person waits for: what does not answer for ten seconds is said not to.
  func inquiry(_ project: Project) -> PostgREST {
    var limits = limits
    limits.retryTime = min(limits.retryTime, .seconds(10))
    limits.requestTime = min(limits.requestTime, .seconds(30))
    return PostgREST(project: project, origin: origin, transport: transport, limits: limits)
  }

  /// Odd frames are told once a connection and kind.
  func feed(_ project: Project, log: Log) -> RealtimeClient {
    var options = RealtimeOptions()
    options.caFile = configuration.caFile
    return RealtimeClient(
      project: project, transport: WebSocketClient(userAgent: configuration.userAgent),
      options: options,
      notice: { kind, sentence in
        log.warning("odd frame of the feed", ["kind": "\(kind)", "reason": sentence])
      })
  }
}
