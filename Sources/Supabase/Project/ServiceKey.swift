import JSON

/// A project's secret. It never shows itself: descriptions, mirrors and dumps are redacted.
package struct ServiceKey: Hashable, Sendable, CustomStringConvertible,
  CustomDebugStringConvertible,
  CustomReflectable
{
  package let secret: String

  package init(_ secret: String) { self.secret = secret }

  package var description: String { "[service key]" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// A key of Supabase's newer kind that opens what the old anon key opens.
  package var isPublishable: Bool { secret.hasPrefix("sb_publishable_") }
  /// A key of Supabase's newer kind that opens what the old service_role key opens.
  package var isSecret: Bool { secret.hasPrefix("sb_secret_") }
  /// The `role` claim of a JWT, read without checking the signature; nil for other keys.
  package var role: String? { claims?["role"]?.string }
  /// The `ref` claim of a JWT: the project that the key was made for; nil for other keys.
  package var projectRef: String? { claims?["ref"]?.string }
  /// Three parts with dots between them, the middle one a JSON object.
  package var isJWT: Bool { claims != nil }

  private var claims: JSONNode? {
    let parts = secret.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let payload = base64URL(parts[1]),
      let node = try? JSONNode(parsing: payload), node.members != nil
    else { return nil }
    return node
  }
}

/// Why a key must not be used. It never quotes the key.
package enum KeyProblem: Hashable, Sendable, CustomStringConvertible {
  /// Nothing, a part of a key, or two keys: neither a JWT nor `sb_secret_…`, or with blanks in it.
  case malformed
  /// `sb_publishable_…`
  case publishable
  /// A JWT of another role than service_role; nil: it names none, which PostgREST takes for anon.
  case otherRole(String?)
  case otherProject(key: String, url: String)

  /// An expired key is no problem here: the server says so itself, by its own clock.
  package init?(key: ServiceKey, url: ProjectURL) {
    guard !key.secret.isEmpty, key.secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      self = .malformed
      return
    }
    if key.isPublishable {
      self = .publishable
    } else if key.isSecret {
      return nil
    } else if !key.isJWT {
      self = .malformed
    } else if key.role != "service_role" {
      self = .otherRole(key.role)
    } else if let ref = key.projectRef, let host = url.projectRef, ref.lowercased() != host {
      self = .otherProject(key: ref, url: host)
    } else {
      return nil
    }
  }

  package var description: String {
    let reason =
      "row level security would hide rows from it, and hidden rows look like deleted ones"
    let advice = "use the project's service_role key or an sb_secret_ key"
    return switch self {
    case .malformed:
      "the key is neither a JWT nor starts with sb_secret_; perhaps it was copied in part: \(advice)"
    case .publishable: "the key is a publishable one; \(reason): \(advice)"
    case .otherRole(nil): "the key names no role, so the server would take it for anon: \(advice)"
    case .otherRole(let role?) where Self.isKnown(role):
      "the key is the \(role) key; \(reason): \(advice)"
    case .otherRole: "the key is for another role than service_role; \(reason): \(advice)"
    case .otherProject(let key, let url):
      "the key belongs to the project \(Self.shown(key)), but the URL is that of \(url)"
    }
  }

  private static func isKnown(_ role: String) -> Bool { role == "anon" || role == "authenticated" }

  /// Claims are the user's own text: only what looks like a reference is repeated.
  private static func shown(_ ref: String) -> String {
    ref.utf8.count <= 40 && ref.utf8.allSatisfy { $0 != 0x22 && $0 > 0x20 && $0 < 0x7F }
      ? ref : "of another reference"
  }
}

/// RFC 4648 section 5, with or without padding; nil for other text.
func base64URL(_ text: Substring) -> [UInt8]? {
  var bytes: [UInt8] = []
  var bits: UInt32 = 0
  var count = 0
  for byte in text.utf8 {
    let value: UInt8
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0") + 52
    case UInt8(ascii: "-"): value = 62
    case UInt8(ascii: "_"): value = 63
    case UInt8(ascii: "="): continue
    default: return nil
    }
    bits = (bits << 6 | UInt32(value)) & 0xFF_FFFF
    count += 6
    if count >= 8 {
      count -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
  }
  return count == 6 ? nil : bytes
}
