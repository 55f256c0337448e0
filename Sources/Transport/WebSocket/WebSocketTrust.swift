internal import CWebSockets

/// Whom a WebSocket trusts, and what was wrong where it did not. Names are checked by libwebsockets.
///
/// Belongs to one thread from its first connection on.
@safe final class WebSocketTrust {
  let context: OpaquePointer
  /// OpenSSL's code for what is wrong with the server's certificate.
  private var certificateError: Int32?
  /// What one of the two sides called the handshake's end.
  private var alert: Int32?
  private var isCut = false

  /// The system's authorities and those of the file (PEM).
  init(_ place: HTTPPlace, caFile: String?) throws(WebSocketError) {
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw .noContext(place)
    }
    unsafe self.context = context
    unsafe SSL_CTX_set_default_verify_paths(context)
    if let caFile, unsafe SSL_CTX_load_verify_locations(context, caFile, nil) != 1 {
      throw .unreadableAuthorities(caFile)
    }
    unsafe SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque())
    unsafe SSL_CTX_set_info_callback(context) { connection, event, value in
      guard event & SSL_CB_ALERT != 0, let connection = unsafe connection,
        let context = unsafe SSL_get_SSL_CTX(connection),
        let user = unsafe SSL_CTX_get_ex_data(context, 0)
      else { return }
      let trust = unsafe Unmanaged<WebSocketTrust>.fromOpaque(user).takeUnretainedValue()
      if event == SSL_CB_WRITE_ALERT, value & 0xFF == SSL_AD_DECODE_ERROR {
        // What OpenSSL says to a connection that has just ended.
        trust.isCut = true
      } else {
        trust.alert = trust.alert ?? value
      }
    }
  }

  deinit { unsafe SSL_CTX_free(context) }

  /// Takes note of why a certificate is refused; `store` is OpenSSL's X509_STORE_CTX.
  func refused(_ store: OpaquePointer) {
    certificateError = unsafe certificateError ?? X509_STORE_CTX_get_error(store)
  }

  /// Nil where the connection was lost, in the handshake or behind it, which says nothing about certificates.
  /// - Parameter reason: libwebsockets' words.
  func failure(_ place: HTTPPlace, _ reason: String) -> WebSocketError? {
    if let certificateError {
      let isName = [X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH]
        .contains(certificateError)
      let reason = unsafe String(cString: X509_verify_cert_error_string(Int(certificateError)))
      return .untrusted(place, isName ? "it was issued for another name" : reason)
    }
    // A warning, as the one that says good-bye, ends nothing by itself.
    if let alert, alert >> 8 == SSL3_AL_FATAL {
      return .insecure(place, unsafe String(cString: SSL_alert_desc_string_long(alert)))
    }
    let isProtocol = reason.hasPrefix("connect SSL err") || reason.hasPrefix("tls")
    return isProtocol && !isCut ? .insecure(place, "what answers does not speak TLS") : nil
  }
}
