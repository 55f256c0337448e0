/// For `async let`, which forgets what kind of error its work throws.
///
/// - Parameter work: sendable, so that inside an actor it calls back into the actor instead of running beside it.
func attempt<Value: Sendable, Failure: Error>(
  _ work: @Sendable () async throws(Failure) -> Value
) async -> Result<Value, Failure> {
  do throws(Failure) {
    return .success(try await work())
  } catch {
    return .failure(error)
  }
}
