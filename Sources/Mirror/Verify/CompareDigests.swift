import JSON
import Supabase

extension TableComparison {
  /// Cuts the source into parts and digests the same on the target; the source's next chunk is cut meanwhile.
  func scanDigests() async throws(LaneStop) {
    var cut: TimedCut? = try await cutResult(
      KeySpan(lower: progress.after, upper: nil)
    ).get()
    while let current = cut {
      async let following = followingCut(current.cut.rest)
      do throws(LaneStop) {
        try await compare(current)
      } catch {
        _ = await following
        throw error
      }
      cut = try await following?.get()
    }
  }

  private struct TimedCut: Sendable {
    let cut: CutRange
    let elapsed: Duration
  }

  private func followingCut(_ range: KeySpan?) async -> Result<TimedCut, LaneStop>? {
    guard let range else { return nil }
    return await cutResult(range)
  }

  private func cutResult(_ range: KeySpan) async -> Result<TimedCut, LaneStop> {
    do throws(LaneStop) {
      let start = ContinuousClock.now
      let cut = try await cut([range], at: .source, partRows: Self.partRows, isChunk: true)[0]
      return .success(TimedCut(cut: cut, elapsed: ContinuousClock.now - start))
    } catch {
      return .failure(error)
    }
  }

  /// Differing parts that are looked into together; behind them is a point to go on from.
  private static var partsTogether: Int { 256 }

  private func compare(_ timed: TimedCut) async throws(LaneStop) {
    let start = ContinuousClock.now
    let parts = timed.cut.parts
    let others = try await sums(of: parts.map(\.range), at: .target)
    let faults = zip(parts, others).count { $0.digest != $1 && $1.rows > 0 }
    var narrowing = Narrowing(isDense: faults > Self.partsTogether && faults * 2 > parts.count)
    var differing = 0
    var rows = (source: 0, target: 0)
    for (index, (part, other)) in zip(parts, others).enumerated() {
      rows.source += part.digest.rows
      rows.target += other.rows
      if other.rows == 0, part.digest.rows > 0, findsRuns {
        progress.found.note(run: part.range, rows: part.digest.rows)
      } else if part.digest != other {
        narrowing.add(part.range, source: part.digest.rows, target: other.rows)
        differing += 1
      }
      let isLast = index == parts.count - 1
      guard isLast || differing == Self.partsTogether else { continue }
      try await narrow(&narrowing)
      progress.found.sourceRows += rows.source
      progress.found.targetRows += rows.target
      rows = (0, 0)
      differing = 0
      try await advance(to: isLast && timed.cut.rest == nil ? nil : part.range.upper)
    }
    try await rest(after: max(timed.elapsed, ContinuousClock.now - start))
  }

  private func narrow(_ narrowing: inout Narrowing) async throws(LaneStop) {
    while let step = narrowing.next(rows: size.rows) {
      switch step {
      case .cut(let ranges, let origin, let partRows):
        try await look(into: ranges, origin, partRows: partRows, &narrowing)
      case .list(let ranges): try await list(ranges, &narrowing)
      }
      if narrowing.ordersDiffer { throw differentOrders() }
      if Task.isCancelled { throw .interrupted }
    }
  }

  private func look(
    into ranges: [KeySpan], _ origin: Narrowing.Origin, partRows: Int,
    _ narrowing: inout Narrowing
  ) async throws(LaneStop) {
    let side = origin.side
    let cuts = try await cut(ranges, at: side, partRows: partRows)
    let parts = cuts.flatMap(\.parts)
    let others = try await sums(of: parts.map(\.range), at: side.other)
    for (part, other) in zip(parts, others) where part.digest != other {
      let rows = side == .source ? (part.digest.rows, other.rows) : (other.rows, part.digest.rows)
      narrowing.add(part.range, source: rows.0, target: rows.1, origin: origin)
    }
    for rest in cuts.compactMap(\.rest) {
      narrowing.addRest(rest, rows: size.rows, origin: origin)
    }
  }

  private func list(
    _ ranges: [KeySpan], _ narrowing: inout Narrowing
  ) async throws(LaneStop) {
    async let ofSource = listResult(ranges, at: .source)
    async let ofTarget = listResult(ranges, at: .target)
    let results = (await ofSource, await ofTarget)
    let (source, target) = (try results.0.get(), try results.1.get())
    for (index, range) in ranges.enumerated() {
      let (left, right) = (source[index], target[index])
      if left.rest != nil || right.rest != nil {
        narrowing.addGrown(range, at: left.rest != nil ? .source : .target)
        continue
      }
      let wanted = rowDigests(left)
      let found = rowDigests(right)
      for (key, digest) in wanted where found[key] != digest { suspect(key) }
      for key in found.keys where wanted[key] == nil { suspect(key) }
    }
    while suspects.count > Self.mostSuspects { try await awaitSuspects() }
  }

  private func listResult(
    _ ranges: [KeySpan], at side: ComparedSide
  ) async -> Result<[CutRange], LaneStop> {
    do throws(LaneStop) {
      return .success(
        try await withSmallerRequests(ranges) { ranges throws(PostgRESTError) in
          try await self.reader(side).parts(of: ranges, partRows: 1, mostRows: Narrowing.mostListed)
        })
    } catch {
      return .failure(error)
    }
  }

  private func rowDigests(_ cut: CutRange) -> [RowKey: RangeDigest] {
    var digests: [RowKey: RangeDigest] = [:]
    for part in cut.parts {
      if let key = part.lastKey { digests[key] = part.digest }
    }
    return digests
  }

  // Calls, in smaller pieces where they take too long

  /// - Parameter isChunk: whether the time it takes says how large the next chunk may be.
  func cut(
    _ ranges: [KeySpan], at side: ComparedSide, partRows: Int, mostRows: Int? = nil,
    isChunk: Bool = false
  ) async throws(LaneStop) -> [CutRange] {
    while true {
      let cut: [CutRange]
      do throws(PostgRESTError) {
        let start = ContinuousClock.now
        let cuts = try await reader(side).parts(
          of: ranges, partRows: partRows, mostRows: mostRows ?? size.whole(partRows))
        if isChunk {
          let rows = cuts.reduce(0) { $0 + $1.parts.reduce(0) { $0 + $1.digest.rows } }
          size.took(ContinuousClock.now - start, for: rows)
        }
        cut = cuts
      } catch {
        guard error.isCuredBySmallerPage else { throw LaneStop(error) }
        // Rows can be read all the same.
        guard size.shrink() else { throw .table(error.message) }
        continue
      }
      for range in cut {
        let keys = range.parts.compactMap(\.lastKey)
        guard zip(keys, keys.dropFirst()).allSatisfy({ $0 != $1 }) else { throw sameKeys }
      }
      return cut
    }
  }

  private func sums(
    of ranges: [KeySpan], at side: ComparedSide
  ) async throws(LaneStop) -> [RangeDigest] {
    try await withSmallerRequests(ranges) { ranges throws(PostgRESTError) in
      try await self.reader(side).sums(of: ranges)
    }
  }

  private func withSmallerRequests<Answer: Sendable>(
    _ ranges: [KeySpan],
    _ ask: ([KeySpan]) async throws(PostgRESTError) -> [Answer]
  ) async throws(LaneStop) -> [Answer] {
    var answers: [Answer] = []
    var waiting = [ranges]
    while let part = waiting.popLast() {
      do throws(PostgRESTError) {
        answers += try await ask(part)
      } catch {
        guard error.isCuredBySmallerPage else { throw LaneStop(error) }
        guard part.count > 1 else { throw .table(error.message) }
        let middle = part.count / 2
        waiting += [Array(part[middle...]), Array(part[..<middle])]
      }
    }
    return answers
  }
}
