/// What becomes of the one WebSocket of a `WebSocketContext`; called on its loop's thread, from within `wait`.
protocol WebSocketEvents: AnyObject {
  /// The TCP connection stands.
  func connected()
  /// The attempt is over.
  func failed(_ failure: WebSocketContext.Failure)
  func opened()
  func received(_ piece: IncomingMessage.Piece) -> WebSocketContext.Next
  /// Asked for, or a text that was `.buffered` has gone out.
  func canWrite() -> WebSocketContext.Next
  /// The server's close frame; it is being answered.
  func closing(code: Int?)
  /// The last call of a WebSocket that was open.
  func closed()
}
