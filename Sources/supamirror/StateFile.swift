import Mirror
import Transport

/// The state's file on this machine's disk. Whoever replaces it holds its `FileLock`.
struct StateFile: StateStorage {
  let path: String

  func load() throws(StateError) -> [UInt8]? {
    do {
      return try DurableFile(path).read()
    } catch {
      throw StateError(error.description)
    }
  }

  func replace(with bytes: [UInt8]) throws(StateError) {
    do {
      try DurableFile(path).replace(with: bytes)
    } catch {
      throw StateError(error.description)
    }
  }
}
