/// All that is known before a WebSocket is opened.
struct WebSocketPlan: Sendable {
  let request: WebSocketRequest
  let address: WebSocketAddress
  let head: WebSocketRequestHead
  let proxy: WebSocketProxy?
  let resolve: NameLookup.Resolve

  init(
    _ request: WebSocketRequest, _ address: WebSocketAddress, head: WebSocketRequestHead,
    proxy: WebSocketProxy?, resolve: @escaping NameLookup.Resolve
  ) {
    self.request = request
    self.address = address
    self.head = head
    self.proxy = proxy
    self.resolve = resolve
  }

  var place: HTTPPlace { address.place }

  /// The host that is connected to.
  var nextHost: String { proxy?.host ?? address.host }

  /// As it is shown.
  var nextName: String { proxy == nil ? place.host : "the proxy before \(place)" }
}
