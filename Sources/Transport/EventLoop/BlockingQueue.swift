import Glibc

/// First in, first out between threads that may block: for threads that serve a blocking library, never for
/// tasks.
@safe package final class BlockingQueue<Element>: @unchecked Sendable {
  private var elements: [Element] = []
  private var first = 0
  private var waiting = 0
  private var isClosed = false
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// What came of a `push`.
  package enum Push: Hashable, Sendable {
    /// A thread that waits will take it at once.
    case taken
    /// It waits until a thread is free.
    case queued
    /// The queue is closed; the element was not added.
    case refused
  }

  package func push(_ element: sending Element) -> Push {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    if isClosed { return .refused }
    elements.append(element)
    unsafe pthread_cond_signal(condition)
    return elements.count - first <= waiting ? .taken : .queued
  }

  /// Blocks until there is an element; nil once the queue is closed and empty.
  package func pop() -> Element? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while first == elements.count {
      if isClosed { return nil }
      waiting += 1
      unsafe pthread_cond_wait(condition, mutex)
      waiting -= 1
    }
    let element = elements[first]
    first += 1
    if first == elements.count {
      elements.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= 64, first * 2 >= elements.count {
      elements.removeFirst(first)
      first = 0
    }
    return element
  }

  /// Refuses what comes later and wakes every waiting thread; what is queued can still be popped.
  package func close() {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    isClosed = true
    unsafe pthread_cond_broadcast(condition)
  }
}
