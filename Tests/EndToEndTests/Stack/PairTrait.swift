import Testing

/// Suites that share a pair of projects take turns. Tests of the daemon have a pair of their own, unless the stack is
/// somebody else's: there is only one of those.
struct PairTrait: SuiteTrait, TestScoping {
  let pair: Stack.Pair

  private static let turns = Turns()

  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?,
    performing body: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let turn = Stack.isExternal ? .passes : pair
    await Self.turns.take(turn)
    do {
      try await body()
    } catch {
      await Self.turns.give(turn)
      throw error
    }
    await Self.turns.give(turn)
  }

  private actor Turns {
    private var taken: Set<Stack.Pair> = []
    private var waiting: [Stack.Pair: [CheckedContinuation<Void, Never>]] = [:]

    func take(_ pair: Stack.Pair) async {
      guard !taken.insert(pair).inserted else { return }
      await withCheckedContinuation { waiting[pair, default: []].append($0) }
    }

    func give(_ pair: Stack.Pair) {
      guard waiting[pair]?.isEmpty == false else {
        taken.remove(pair)
        return
      }
      waiting[pair]?.removeFirst().resume()
    }
  }
}

extension Trait where Self == PairTrait {
  static func ofPair(_ pair: Stack.Pair) -> Self { PairTrait(pair: pair) }
}
