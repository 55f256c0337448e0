import Testing

/// The program against real databases, checked by SQL on both sides. One test at a time: they share the stack.
@Suite(.serialized, .ofPair(.passes)) struct EndToEnd {}
