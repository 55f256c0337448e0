/// For `async let`, which forgets what kind of error its work throws.
func attempt<Value: Sendable, Failure: Error>(
  _ work: () async throws(Failure) -> sending Value
) async -> Result<Value, Failure> {
  do throws(Failure) {
    return .success(try await work())
  } catch {
    return .failure(error)
  }
}
