internal import CCurl
internal import Glibc

extension HTTPError {
  static var unusableURL: HTTPError {
    HTTPError(
      .badURL,
      "The address is not one that can be used: it must begin with https:// or http:// and a host name, "
        + "hold no user name, and be percent-encoded.")
  }

  static func cancelled(_ place: HTTPPlace) -> HTTPError {
    HTTPError(.cancelled, "The request to \(place) was cancelled.")
  }

  static func timedOut(_ place: HTTPPlace, after limit: Duration) -> HTTPError {
    HTTPError(.timedOut, "\(place) did not answer in full within \(limit).")
  }

  static func answerTooLarge(_ place: HTTPPlace, limit: Int) -> HTTPError {
    HTTPError(.answerTooLarge, "The answer of \(place) is longer than the limit of \(limit) bytes.")
  }
}

/// What libcurl knows about a transfer that failed.
struct CurlFailure {
  var code: CURLcode
  /// libcurl's own words; they may quote the URL, so they are looked at, never passed on.
  var detail = ""
  /// errno of the last connect, 0 if there is none.
  var systemError: Int32 = 0
  /// Whether the connection stood and the request was on its way.
  var wasConnected = false

  /// The failure in the words of this layer.
  func error(_ place: HTTPPlace, _ configuration: HTTPClient.Configuration) -> HTTPError {
    let reason = unsafe String(cString: curl_easy_strerror(code))
    switch code {
    case CURLE_URL_MALFORMAT:
      return .unusableURL
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
      let name = code == CURLE_COULDNT_RESOLVE_PROXY ? "the proxy before \(place)" : place.host
      return HTTPError(
        .nameNotResolved,
        "The name of \(name) could not be resolved: check the address and this machine's DNS.")
    case CURLE_COULDNT_CONNECT:
      let why = systemError == 0 ? reason : unsafe String(cString: strerror(systemError))
      return HTTPError(.cannotConnect, "No connection to \(place): \(why).")
    case CURLE_OPERATION_TIMEDOUT where wasConnected:
      return HTTPError(
        .timedOut, "Nothing came from or went to \(place) for \(configuration.stallLimit).")
    case CURLE_OPERATION_TIMEDOUT:
      return HTTPError(
        .cannotConnect, "No connection to \(place) within \(configuration.connectLimit).")
    case CURLE_SSL_CACERT_BADFILE:
      return HTTPError(
        .tls,
        "The certificate authorities of \(configuration.caFile ?? "the system") could not be read: "
          + "check SYNC_CA_FILE.")
    case CURLE_PEER_FAILED_VERIFICATION:
      return HTTPError(
        .tls,
        "The certificate of \(place) could not be verified\(certificateProblem): a private authority can be "
          + "named with SYNC_CA_FILE.")
    case CURLE_SSL_CONNECT_ERROR where wasCutInHandshake,
      CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
      CURLE_SEND_FAIL_REWIND, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_BAD_CONTENT_ENCODING:
      return HTTPError(.interrupted, "The exchange with \(place) broke off: \(reason).")
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
      return HTTPError(.tls, "No secure connection to \(place): \(reason).")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
      return HTTPError(.other, "What answers at \(place) does not speak HTTP: check the address.")
    default:
      return HTTPError(.other, "The request to \(place) failed: \(reason).")
    }
  }

  /// OpenSSL's reason, which comes from a fixed list.
  private var certificateProblem: String {
    let lead = "SSL certificate problem: "
    if detail.hasPrefix(lead) { return " (\(detail.dropFirst(lead.count)))" }
    if detail.contains("subject name") { return " (it was issued for another name)" }
    return ""
  }

  /// A connection lost in the handshake says nothing about certificates; libcurl has one code for both.
  private var wasCutInHandshake: Bool {
    ["SYSCALL", "unexpected eof", "reset by peer"].contains { detail.contains($0) }
  }
}
