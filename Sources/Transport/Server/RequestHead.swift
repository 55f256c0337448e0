extension HTTPRequestParser {
  /// Request line and headers, while and after they are read.
  struct Head {
    let method: String
    let target: [UInt8]
    let version: Version
    private(set) var headers = HTTPHeaders()
    /// The empty line has not been seen.
    var isOpen = true
    var closes: Bool

    /// `METHOD target HTTP/1.x`, one blank between each.
    init(requestLine line: ArraySlice<UInt8>) throws(Failure) {
      let blank = UInt8(ascii: " ")
      guard let first = line.firstIndex(of: blank), first > line.startIndex,
        let second = line[(first + 1)...].firstIndex(of: blank), second > first + 1,
        line[(second + 1)...].starts(with: "HTTP/".utf8)
      else { throw .malformed }
      method = text(line[..<first])
      target = Array(line[(first + 1)..<second])
      version = line[(second + 1)...].elementsEqual("HTTP/1.1".utf8) ? .http11 : .http10
      closes = version == .http10
    }

    mutating func addHeader(_ line: ArraySlice<UInt8>) throws(Failure) {
      // A folded line would be part of the one before; nobody sends them since RFC 7230.
      guard line.first?.isBlank == false else { throw .malformed }
      let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
      // A blank at the end stays: to PostgREST it is part of a token.
      let value = line[colon...].dropFirst().drop { $0.isBlank }
      headers.fields.append(HTTPHeader(text(line[..<colon]), text(value)))
      if colon - line.startIndex == "connection".utf8.count,
        words(of: "connection").contains("close")
      {
        closes = true
      }
    }

    var expectsContinue: Bool {
      version == .http11 && words(of: "expect").contains("100-continue")
    }

    var isChunked: Bool { words(of: "transfer-encoding").last == "chunked" }

    /// nil where none was sent.
    func contentLength() throws(Failure) -> Int? {
      var length: Int?
      for word in words(of: "content-length") {
        guard word.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(word),
          length == nil || length == number
        else { throw .malformed }
        length = number
      }
      return length
    }

    func request(body: [UInt8]) -> Request {
      Request(
        message: ServerRequest(method: method, target: target, headers: headers, body: body),
        version: version, closes: closes)
    }

    /// The comma-separated words of every header of that name, in lower case.
    private func words(of name: String) -> [String] {
      var words: [String] = []
      for field in headers.fields where field.name.utf8.count == name.utf8.count {
        guard field.name.lowercased() == name else { continue }
        for word in field.value.split(separator: ",") {
          words.append(String(decoding: trimmed(word.utf8), as: UTF8.self).lowercased())
        }
      }
      return words
    }
  }
}

extension UInt8 {
  /// A blank or a tab.
  var isBlank: Bool { self == 0x20 || self == 0x09 }
}

private func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
  var text = text.drop { $0.isBlank }
  while text.last?.isBlank == true { text.removeLast() }
  return text
}

/// UTF-8, or Latin-1 where it is none: no byte is lost.
private func text(_ bytes: ArraySlice<UInt8>) -> String {
  if let text = String(validating: bytes, as: UTF8.self) { return text }
  var scalars = String.UnicodeScalarView()
  scalars.append(contentsOf: bytes.map { Unicode.Scalar($0) })
  return String(scalars)
}
