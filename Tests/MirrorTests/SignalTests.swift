import JSON
import Mirror
import Supabase
import Testing

private func key(_ id: Int) -> RowKey { RowKey([JSONToken(int: id)]) }

@Test func `signals are taken in order of arrival`() {
  var signals = Signals(limit: 10)
  for id in [3, 1, 2, 1, 3] {
    signals.add(key(id), isDelete: false, commitTime: nil, at: .seconds(id))
  }
  #expect(signals.count == 3 && signals.oldest == .seconds(3))
  #expect(signals.take(atMost: 2).map(\.key) == [key(3), key(1)])
  signals.add(key(3), isDelete: false, commitTime: nil, at: .zero)
  #expect(signals.contains(key(3)) && signals.take(atMost: 0).isEmpty)
  #expect(signals.take(atMost: 9).map(\.key) == [key(2), key(3)])
  #expect(signals.isEmpty && signals.oldest == nil && signals.take(atMost: 9).isEmpty)
}

/// (first is a delete, second is a delete, first time, second time, merged time)
@Test(
  arguments: [
    (true, false, 5, 9, 5), (false, true, 9, 5, 5), (false, false, nil, 7, 7),
    (true, true, 7, nil, 7),
    (false, false, nil, nil, nil),
  ] as [(Bool, Bool, Int64?, Int64?, Int64?)])
func `signals of one key merge: delete evidence and the oldest time are kept`(
  first: Bool, second: Bool, early: Int64?, late: Int64?, merged: Int64?
) {
  var signals = Signals(limit: 1)
  signals.add(key(1), isDelete: first, commitTime: early, at: .seconds(1))
  signals.add(key(1), isDelete: second, commitTime: late, at: .seconds(2))
  #expect(
    signals.take(atMost: 9) == [
      Signals.Signal(key: key(1), isDelete: first || second, commitTime: merged, at: .seconds(1))
    ])
  #expect(!signals.overflowed)
}

@Test(arguments: [nil, 0, 3, 4] as [Int?])
func `over the limit everything is dropped, and lost delete evidence is told`(delete: Int?) {
  var signals = Signals(limit: 4)
  for id in 0..<5 { signals.add(key(id), isDelete: id == delete, commitTime: nil, at: .zero) }
  #expect(signals.isEmpty && signals.overflowed)
  #expect(signals.lostDeleteEvidence == (delete != nil))
  // What comes after it waits as ever.
  signals.add(key(9), isDelete: false, commitTime: nil, at: .zero)
  #expect(signals.take(atMost: 9).map(\.key) == [key(9)])
  #expect(signals.takeOverflow()?.keys == 5)
  #expect(!signals.overflowed && !signals.lostDeleteEvidence && signals.takeOverflow() == nil)
}

@Test func `a million signals taken in small batches need no more room than the limit`() {
  var signals = Signals(limit: 100)
  var next = 0
  for round in 0..<10_000 {
    for id in 0..<10 {
      signals.add(key(round * 10 + id), isDelete: false, commitTime: nil, at: .zero)
    }
    for signal in signals.take(atMost: round < 5 ? 5 : 10) {
      #expect(signal.key == key(next))
      next += 1
    }
  }
  #expect(signals.count == 25 && !signals.overflowed)
}
