package import Supabase

extension MirrorIdentity {
  /// Names go into HTTP headers and SQL calls that people type.
  static func isName(_ text: String) -> Bool {
    (1...63).contains(text.utf8.count) && text.utf8.allSatisfy(isNameByte)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// What the digest of a pair is made of. The two URLs cannot run into each other: none has a line end.
  package static func digestText(source: ProjectURL, target: ProjectURL) -> [UInt8] {
    Array("\(source)\n\(target)\n".utf8)
  }

  /// - Parameters:
  ///   - digest: of `digestText`.
  ///   - name: nil for one made of both projects' names and the digest.
  package init(source: ProjectURL, target: ProjectURL, digest: [UInt8], name: String?) {
    let epoch = digest.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    let made = "\(Self.label(source))-to-\(Self.label(target))-\(epoch.prefix(8))"
    self.init(epoch: epoch, name: name ?? made)
  }

  private static func label(_ url: ProjectURL) -> String {
    let label = url.projectRef ?? url.host
    return String(decoding: label.utf8.filter(isNameByte).prefix(24), as: UTF8.self)
  }
}
