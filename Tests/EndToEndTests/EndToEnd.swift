import Testing

/// The program against real databases, checked by SQL on both sides. One test at a time: they share the stack.
@Suite(.serialized, .ofPair(.passes)) struct EndToEnd {}

/// Suites that break and kill what stands between the projects, beside those above.
@Suite(.serialized, .ofPair(.faults)) struct Faults {}

/// Suites that copy many rows, and kill that.
@Suite(.serialized, .ofPair(.copies)) struct Copies {}

/// Suites of single commands.
@Suite(.serialized, .ofPair(.commands)) struct Commands {}
