import JSON
import Transport

extension HTTPAnswer {
  /// The media type without its parameters, lower case.
  var mediaType: String? {
    headers["content-type"].map { type in
      String(type.prefix { $0 != ";" && $0 != " " }).lowercased()
    }
  }

  /// When the server answered, seconds since 1970.
  var serverDate: Int? { headers["date"].flatMap(seconds(ofHTTPDate:)) }

  /// `Retry-After` in seconds from now; a date there is counted from the server's own clock.
  var retryAfter: Int? {
    guard let text = headers["retry-after"] else { return nil }
    if let wait = Int(text) { return max(0, wait) }
    guard let date = seconds(ofHTTPDate: text), let now = serverDate else { return nil }
    return max(0, date - now)
  }

  var contentRange: ContentRange? { headers["content-range"].flatMap { ContentRange($0) } }
}

/// `Content-Range` as PostgREST writes it: `0-24/2500`, `0-24/*`, `*/0`, `*/*`.
struct ContentRange: Hashable {
  /// Rows in the answer.
  let count: Int
  /// nil for `*`: nobody counted.
  let total: Int?

  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    if parts[0] == "*" {
      count = 0
    } else {
      let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count == 2, let first = ends[0], let last = ends[1], first >= 0, first <= last,
        last < .max
      else { return nil }
      count = last - first + 1
    }
    if parts[1] == "*" {
      total = nil
    } else {
      guard let total = Int(parts[1]), total >= 0 else { return nil }
      self.total = total
    }
  }
}

/// Of RFC 9110's preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`; nil for others.
func seconds(ofHTTPDate text: String) -> Int? {
  let words = text.split(whereSeparator: { $0 == " " || $0 == ":" })
  let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  guard words.count == 8, words[7] == "GMT", let day = Int(words[1]), (1...31).contains(day),
    let month = months.firstIndex(of: String(words[2])), let year = Int(words[3]),
    (1970...9999).contains(year), let hour = Int(words[4]), (0...23).contains(hour),
    let minute = Int(words[5]), (0...59).contains(minute), let second = Int(words[6]),
    (0...60).contains(second)
  else { return nil }
  // Days since 1970 in the Gregorian calendar, with years that begin in March.
  let shifted = month >= 2 ? year : year - 1
  let dayOfYear = (153 * ((month + 10) % 12) + 2) / 5 + day - 1
  let days =
    365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  return ((days * 24 + hour) * 60 + minute) * 60 + second
}
