internal import CPosix

/// Memory of more than some hundred kilobytes at once.
package enum LargeBlocks {
  /// From now on each goes back to the system when it is freed. Bodies of pages come and go by the megabyte on many
  /// threads, and glibc would learn to keep them, for each thread its own.
  package static func giveBack() {
    _ = mallopt(M_MMAP_THRESHOLD, 256 << 10)
  }
}
