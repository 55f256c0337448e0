/// How a local Realtime server behaves. The defaults are those of the self-hosted server, version 2.129.
package struct RealtimeOptions: Sendable {
  /// Signs the tokens (HS256).
  package var jwtSecret = "super-secret-jwt-token-with-at-least-32-characters-long"
  /// Joins a second, over all sockets; nil: no limit.
  package var maxJoinsPerSecond: Int? = 100
  /// Channels of one socket.
  package var maxChannelsPerClient = 100
  /// Sockets that have joined a channel.
  package var maxConnectedUsers = 200
  /// A refused handshake waits as long.
  package var connectErrorDelay = Duration.seconds(2)
  /// A refused join waits as long, and its whole socket with it.
  package var channelErrorDelay = Duration.seconds(5)
  /// A socket from which nothing came for as long is closed.
  package var idleTimeout = Duration.seconds(60)
  /// Every channel's token is checked as often, and when it expires.
  package var tokenCheckInterval = Duration.seconds(300)

  /// The first subscription waits for a random time of this range, while the slot is being made.
  package var coldStart = Duration.seconds(1)...Duration.seconds(3)
  /// Between polls that found nothing.
  package var idlePollInterval = Duration.milliseconds(500)
  /// Between polls that found changes, none of them for a subscriber: a random time of this range.
  package var unheardPollInterval = Duration.milliseconds(150)...Duration.milliseconds(200)
  /// Polls that found changes follow each other at once, but do not start closer together than this, which spares much
  /// work where single rows are committed quickly. The real server has no such pause.
  package var pollSpacing = Duration.milliseconds(20)
  /// A poll takes whole transactions until it has as many changes.
  package var pollMaxChanges = 100
  /// Changes whose JSON is longer lose their long values.
  package var maxRecordBytes = 1_048_576
  /// A poll that takes longer loses its changes and its slot.
  package var pollTimeout = Duration.seconds(15)
  /// Above it, changes are thrown away; nil: no limit.
  package var maxEventsPerSecond: Int? = 100
  /// The limit is looked at, and counts are averaged, in steps of as long.
  package var eventRateTick = Duration.seconds(5)
  /// How often the publication's list of tables is read.
  package var publicationCheckInterval = Duration.seconds(60)
  /// After a failure the next attempt waits for a random, growing time of this range.
  package var retryBackoff = Duration.milliseconds(100)...Duration.seconds(5)
  /// So many attempts may fail after the first; then nothing is delivered until somebody subscribes anew, and nobody
  /// is told.
  package var givesUpAfter = 6
  /// The slot is kept as long after the last subscriber went.
  package var stopsAfter = Duration.seconds(600)

  package init() {}

  /// Everything that makes clients wait is short, and nothing is limited: for tests of what is delivered.
  package static var quick: RealtimeOptions {
    var options = RealtimeOptions()
    options.connectErrorDelay = .milliseconds(20)
    options.channelErrorDelay = .milliseconds(20)
    options.coldStart = .zero ... .zero
    options.idlePollInterval = .milliseconds(20)
    options.unheardPollInterval = .milliseconds(5)...Duration.milliseconds(10)
    options.maxEventsPerSecond = nil
    options.maxJoinsPerSecond = nil
    return options
  }
}
