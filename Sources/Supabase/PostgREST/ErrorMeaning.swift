import Transport

extension PostgRESTError {
  /// The caller's task was cancelled.
  package var isCancelled: Bool { kind == .transport(.cancelled) }

  /// Our own clock, or a gateway's, ended the request: it was too much, or nobody works on it.
  package var isTimeout: Bool {
    switch kind {
    case .transport(.timedOut): true
    case .server(let status, code: nil): [408, 504, 522, 524].contains(status)
    default: false
    }
  }

  /// Whether asking for fewer rows may help.
  package var isCuredBySmallerPage: Bool {
    kind == .transport(.answerTooLarge) || isTimeout || Recovery(for: self) == .shrink
  }

  /// The schema is not among those the project exposes.
  package var isUnknownSchema: Bool {
    if case .server(_, code: "PGRST106") = kind { true } else { false }
  }

  /// Whether other tables of the project would meet the same: nobody answers, or only a gateway does.
  package var concernsWholeProject: Bool {
    switch kind {
    case .transport(.answerTooLarge): false
    case .transport: true
    case .server(let status, _): status == 429 || (502...504).contains(status)
    case .unreadable, .unwritable: false
    }
  }
}
