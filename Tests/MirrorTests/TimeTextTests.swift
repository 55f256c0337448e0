import JSON
import Mirror
import Testing

@Test(arguments: [
  ("2000-01-01T00:00:00+00:00", 0),
  ("1970-01-01T00:00:00+00:00", -946_684_800_000_000),
  ("2024-06-01T12:00:00Z", 770_558_400_000_000),
  ("2024-06-01 12:00:00", 770_558_400_000_000),
  ("2024-06-01", 770_515_200_000_000),
  ("2024-06-01T12:00:00.1", 770_558_400_100_000),
  ("2024-06-01T12:00:00.000001", 770_558_400_000_001),
  ("2024-06-01T12:00:00.123456+05:30", 770_538_600_123_456),
  ("2024-06-01T12:00:00-08", 770_587_200_000_000),
  ("2024-06-01T12:00:00+00:00:01", 770_558_399_000_000),
  ("1999-12-31T23:59:59.999999+00:00", -1),
  // As PostgreSQL: select extract(epoch from '…'::timestamptz) - 946684800.
  ("294276-12-31T23:59:59.999999+00:00", 9_223_371_331_199_999_999),
  ("4714-11-24T00:00:00+00:00 BC", -211_813_488_000_000_000),
  ("4713-01-01 BC", -211_810_204_800_000_000),
  ("0001-12-31T23:59:59+00:00 BC", -63_082_281_601_000_000),
  ("0001-01-01T00:00:00", -63_082_281_600_000_000),
  ("2000-02-29", 5_097_600_000_000),
  ("1900-03-01", -3_150_576_000_000_000),
])
func `PostgreSQL's texts of times are read to the microsecond`(text: String, time: Int64) {
  #expect(TimeText.microseconds(text) == time)
}

@Test(arguments: [
  "", "infinity", "2024", "2024-6-01", "2024-13-01", "2024-00-01", "2024-01-32", "2024-01-00",
  "2024-06-01T", "2024-06-01T12", "2024-06-01T12:00", "2024-06-01T12:61:00", "2024-06-01T25:00:00",
  "2024-06-01T12:00:00.", "2024-06-01T12:00:00.1234567", "2024-06-01T12:00:00+", "2024-06-01 AD",
  "2024-06-01T12:00:00+0", "2024-06-01T12:00:00+00:00 ", "2024-06-01T12:00:00 B", "x2024-06-01",
  "5874897-12-31", "294277-12-31T23:59:59+00:00 ", "-2024-06-01", "2024-06-01T12:00:00+00:00x",
])
func `what is no time as PostgreSQL writes it is not taken for one`(text: String) {
  #expect(TimeText.microseconds(text) == nil)
}

@Test(arguments: [
  -211_810_204_800, -63_082_281_600, -12_622_780_800, -946_684_800, 0, 9_000_000_028_800,
])
func `every day of a century is written as it is read`(start: Int64) {
  let day: Int64 = 86_400_000_000
  var previous = ""
  for number in 0..<Int64(36_525) {
    let time = start * 1_000_000 + number * day
    let date = TimeText.date(time)
    guard TimeText.microseconds(date) == time, date != previous,
      TimeText.microseconds(TimeText.timestamp(time + day - 1, offset: "+00:00")) == time + day - 1,
      TimeText.date(time + day - 1) == date
    else {
      Issue.record("\(date)")
      return
    }
    previous = date
  }
}

@Test func `the last moment of a leap year's February is in it`() {
  let time = TimeText.microseconds("2024-02-29T23:59:59.999999+00:00")!
  #expect(TimeText.date(time) == "2024-02-29")
  #expect(TimeText.date(time + 1) == "2024-03-01")
  #expect(TimeText.timestamp(time, offset: "") == "2024-02-29T23:59:59.999999")
  #expect(
    TimeText.timestamp(-63_082_281_601_000_000, offset: "+00:00")
      == "0001-12-31T23:59:59.000000+00:00 BC")
}

private let zoned = IncrementalField(column: "c", kind: .timestampWithTimeZone, isNullable: false)
private let local = IncrementalField(column: "c", kind: .timestamp, isNullable: false)
private let date = IncrementalField(column: "c", kind: .date, isNullable: false)
private let small = IncrementalField(
  column: "c", kind: .integer(least: -32_768), isNullable: false)

@Test(
  arguments: [
    (zoned, "\"-infinity\"", FieldPosition.beforeAll),
    (zoned, "\"infinity\"", .afterAll),
    (zoned, "\"2000-01-01T00:00:01+00:00\"", .at(1_000_000)),
    // Another form is from before the column's type was changed.
    (zoned, "\"2000-01-01T00:00:01\"", nil),
    (zoned, "\"2000-01-01\"", nil),
    (local, "\"2000-01-01T00:00:01\"", .at(1_000_000)),
    (local, "\"2000-01-01T00:00:01+00:00\"", nil),
    (date, "\"2000-01-02\"", .at(86_400_000_000)),
    (date, "\"2000-01-02T00:00:00\"", nil),
    (zoned, "5", nil),
    (zoned, "null", nil),
    (small, "5", .at(5)),
    (small, "-32768", .at(-32_768)),
    (small, "9223372036854775807", .at(.max)),
    (small, "9223372036854775808", nil),
    (small, "1.5", nil),
    (small, "\"5\"", nil),
  ] as [(IncrementalField, String, FieldPosition?)])
func `a value's place on its line`(
  field: IncrementalField, token: String, position: FieldPosition?
) {
  #expect(field.position(of: raw(token)) == position)
}

@Test(
  arguments: [
    (small, FieldPosition.beforeAll, "-32768"),
    (small, .at(-40_000), "-32768"),
    (small, .at(7), "7"),
    (zoned, .beforeAll, "\"-infinity\""),
    (zoned, .afterAll, "\"infinity\""),
    (zoned, .at(0), "\"2000-01-01T00:00:00.000000+00:00\""),
    (zoned, .at(.min), "\"-infinity\""),
    (local, .at(1), "\"2000-01-01T00:00:00.000001\""),
    (date, .at(-1), "\"1999-12-31\""),
  ] as [(IncrementalField, FieldPosition, String)])
func `a place on the line as a bound never skips a row`(
  field: IncrementalField, position: FieldPosition, token: String
) {
  #expect(field.token(at: position) == raw(token))
}

@Test func `places are ordered, and stepping back ends at the least`() {
  #expect(FieldPosition.beforeAll < .at(.min))
  #expect(FieldPosition.at(.min) < .at(-1))
  #expect(FieldPosition.at(.max) < .afterAll)
  #expect(FieldPosition.at(.min + 1).moved(back: 5) == .at(.min))
  #expect(FieldPosition.afterAll.moved(back: 5) == .afterAll)
  #expect(FieldPosition.at(7).moved(back: 5) == .at(2))
}
