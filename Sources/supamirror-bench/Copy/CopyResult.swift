import JSON

/// Who copies.
enum CopyContender: String, CaseIterable {
  case idealRead = "ideal read"
  case idealWrite = "ideal write"
  case backfill = "supamirror backfill"
  /// What it does whatever the size: starting, looking at both projects, ending.
  case nothing = "supamirror, no rows"
  case naive = "naive worker"
  case dump = "pg_dump to psql"
  case pgcopydb = "pgcopydb"
}

/// How one contender copied one table over one way.
struct CopyResult {
  let aCase: CopyCase
  let contender: CopyContender
  /// Of all pages' bodies.
  var bytes: Int
  /// Of each repeat, for all rows.
  var seconds: [Double] = []
  /// The process's, of each repeat.
  var cpu: [Double] = []
  /// Bytes, at most.
  var peak = 0
  /// To both projects, in the last repeat.
  var requests: Int?
  /// So many rows were copied, and the time taken times the rest.
  var sample: Int?

  var median: Double { seconds.median }

  func write(to writer: inout JSONWriter) {
    func put(_ name: String, _ value: Double) {
      writer.name(name)
      writer.raw(BenchReport.text(value, digits: 4).utf8)
    }
    writer.beginObject()
    writer.name("table")
    writer.string(aCase.shape.rawValue)
    writer.name("contender")
    writer.string(contender.rawValue)
    for (name, number) in [
      ("rows", aCase.rows), ("bytes", bytes), ("latencyMilliseconds", aCase.latency),
      ("repeats", seconds.count),
    ] {
      writer.name(name)
      writer.number(number)
    }
    put("seconds", median)
    put("secondsLeast", seconds.min() ?? 0)
    put("secondsMost", seconds.max() ?? 0)
    if !cpu.isEmpty {
      put("cpuSeconds", cpu.median)
      put("peakMiB", Double(peak) / 1_048_576)
    }
    if let requests {
      writer.name("requests")
      writer.number(requests)
    }
    if let sample {
      writer.name("scaledFromRows")
      writer.number(sample)
    }
    writer.endObject()
  }
}

extension [Double] {
  var median: Double {
    let sorted = sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
