import Testing

@testable import Transport

@Suite struct ServerWebSocketCourseTests {
  private func text(_ text: String) -> WebSocketMessage { .text(Array(text.utf8)) }

  private func course(waiting: Int = 64, messageBytes: Int = 100) -> ServerWebSocketCourse {
    ServerWebSocketCourse(
      output: OutputQueue(),
      limits: ServerWebSocketLimits(messageBytes: messageBytes, waitingMessages: waiting))
  }

  /// What goes out next, at most so many bytes.
  private func output(_ course: inout ServerWebSocketCourse, _ count: Int = 1 << 20) -> [UInt8] {
    var room = [UInt8](repeating: 0, count: count)
    let filled = unsafe room.withUnsafeMutableBytes { unsafe course.output.fill($0) }
    return Array(room[..<filled])
  }

  @Test func `reading pauses while messages wait, and nothing is lost`() {
    var course = course(waiting: 2)
    course.received(["1", "2", "3", "4"].flatMap { clientText($0) } + clientFrame(8, []))
    #expect(!course.wantsInput)
    #expect(course.framesReceived == 2)
    #expect(course.end == nil)
    #expect(course.takeMessage() == text("1"))
    #expect(course.takeMessage() == text("2"))
    #expect(course.takeMessage() == text("3"))
    #expect(course.end == .closedByClient(code: nil))
    #expect(course.takeMessage() == text("4"))
    #expect(course.takeMessage() == nil)
    #expect(course.framesReceived == 5)
  }

  @Test func `reading pauses while large messages wait`() {
    var course = course(messageBytes: 100)
    course.received(clientFrame(2, [UInt8](repeating: 1, count: 99)) + clientText("ab"))
    #expect(!course.wantsInput)
    _ = course.takeMessage()
    #expect(course.wantsInput)
  }

  @Test func `what came before the connection was lost is had, then the end`() {
    var course = course(waiting: 1)
    course.received(clientText("1") + clientText("2") + clientText("cut", isFinal: false))
    course.lost()
    #expect(course.end == nil)
    let wasSent = course.send(.text, [])
    #expect(!wasSent)
    #expect(course.takeMessage() == text("1"))
    #expect(course.takeMessage() == text("2"))
    #expect(course.takeMessage() == nil)
    #expect(course.end == .lost)
  }

  @Test func `a close frame behind waiting messages is found though the connection is gone`() {
    var course = course(waiting: 1)
    course.received(clientText("1") + clientFrame(8, [0x03, 0xE8]))
    course.lost()
    #expect(course.takeMessage() == text("1"))
    #expect(course.end == .closedByClient(code: 1000))
    #expect(course.output.isEmpty)
  }

  @Test func `a ping is answered with its payload, a close with its code`() {
    var course = course()
    course.received(clientFrame(9, [1, 2]) + clientFrame(8, [0x0F, 0xA0, 0x61]))
    #expect(output(&course) == [0x8A, 2, 1, 2, 0x88, 2, 0x0F, 0xA0])
    #expect(course.socketEnd == .close)
    #expect(course.end == .closedByClient(code: 4000))
    let wasSent = course.send(.text, [0x61])
    #expect(!wasSent)
    course.received(clientText("late"))
    #expect(course.takeMessage() == nil)
  }

  @Test func `pings while much waits to be sent get the last one's pong`() {
    var course = course(waiting: 1, messageBytes: 1)
    let large = [UInt8](repeating: 0, count: 100_000)
    let wasSent = course.send(.binary, large)
    #expect(wasSent)
    let before = course.output.byteCount
    for index in 0..<200 { course.received(clientFrame(9, [UInt8(index)])) }
    #expect(course.output.byteCount == before)
    _ = output(&course, before - 10)
    course.sent()
    #expect(output(&course).suffix(3) == [0x8A, 1, 199])
    course.sent()
    #expect(course.output.isEmpty)
  }

  @Test func `a violation closes with its code after the messages before it`() {
    var course = course()
    course.received(clientText("1") + clientFrame(3, []) + clientText("2"))
    #expect(course.takeMessage() == text("1"))
    #expect(course.takeMessage() == nil)
    #expect(course.end == .closedByServer(code: 1002))
    #expect(output(&course) == [0x88, 2, 0x03, 0xEA])
    #expect(course.wantsInput)
  }

  @Test func `a reset drops what is queued, a close does not`() {
    var closed = course()
    _ = closed.send(.text, [0x61])
    closed.close(code: nil, reason: "")
    closed.close(code: 1012, reason: "again")
    #expect(output(&closed) == [0x81, 1, 0x61, 0x88, 0])
    #expect(closed.end == .closedByServer(code: nil))

    var reset = course()
    _ = reset.send(.text, [0x61])
    reset.reset()
    #expect(reset.output.isEmpty)
    #expect(reset.end == .reset)
    #expect(reset.socketEnd == .reset)
  }

  @Test func `a queue that is never empty keeps no room for what has gone`() {
    var queue = OutputQueue()
    var room = [UInt8](repeating: 0, count: 1)
    queue.append([0, 0])
    for index in 0..<1000 {
      queue.append([UInt8(truncatingIfNeeded: index)])
      _ = unsafe room.withUnsafeMutableBytes { unsafe queue.fill($0) }
      if index >= 2 { #expect(room == [UInt8(truncatingIfNeeded: index - 2)]) }
      #expect(queue.byteCount == 2)
    }
  }
}
