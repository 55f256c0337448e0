import Glibc
import Testing

@testable import Transport

struct ServiceNotifierTests {
  @Test(arguments: [false, true])
  func `messages arrive as they were sent, one datagram each`(_ isAbstract: Bool) async throws {
    let folder = TemporaryFolder()
    let manager = ServiceManagerSocket(
      isAbstract ? ServiceManagerSocket.makeAddress() : "\(folder.path)/notify")
    let notifier = ServiceNotifier(environment: manager.environment())
    #expect(notifier.isHeard)
    let sent = ["READY=1\nSTATUS=copying ü", "WATCHDOG=1", "STOPPING=1"]
    for message in sent { #expect(notifier.notify(message) == nil) }
    var messages = manager.messages.makeAsyncIterator()
    for message in sent { #expect(await messages.next() == message) }
  }

  @Test func `a reload tells its time`() async throws {
    let manager = ServiceManagerSocket(ServiceManagerSocket.makeAddress())
    let notifier = ServiceNotifier(environment: manager.environment())
    notifier.notifyReloading()
    notifier.notifyReloading()
    var messages = manager.messages.makeAsyncIterator()
    var times: [Int64] = []
    for _ in 0..<2 {
      let lines = try #require(await messages.next()).split(separator: "\n")
      #expect(lines.first == "RELOADING=1")
      try #require(lines.count == 2 && lines[1].hasPrefix("MONOTONIC_USEC="))
      times.append(try #require(Int64(lines[1].dropFirst("MONOTONIC_USEC=".count))))
    }
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    #expect(times[0] <= times[1])
    #expect((0..<60).contains(now.tv_sec - Int(times[0] / 1_000_000)))
  }

  @Test func `a status stays on its line`() {
    #expect(
      ServiceNotifier.status("target down:\r\nMAINPID=1\u{0}\tsee log")
        == "STATUS=target down:  MAINPID=1  see log")
  }

  @Test(arguments: [[:], ["NOTIFY_SOCKET": ""]])
  func `without a manager nothing happens`(_ environment: [String: String]) {
    let notifier = ServiceNotifier(environment: environment)
    #expect(!notifier.isHeard)
    #expect(notifier.notify("READY=1") == nil)
    #expect(notifier.notifyReloading() == nil)
    #expect(notifier.watchdogInterval == nil)
  }

  static let deaf: [(address: String, code: Int32)] = [
    ("/nowhere/notify", ENOENT), ("@supamirror-nobody", ECONNREFUSED),
    ("notify", EAFNOSUPPORT), ("vsock:2:1234", EAFNOSUPPORT),
    ("/" + String(repeating: "a", count: 200), ENAMETOOLONG),
    ("@" + String(repeating: "a", count: 108), ENAMETOOLONG),
  ]

  @Test(arguments: deaf)
  func `a manager that cannot be told is named once`(_ address: String, _ code: Int32) {
    let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": address])
    let error = notifier.notify("READY=1")
    #expect(error == ServiceNotifierError(address: address, code: code))
    #expect(error?.description.contains(address) == true)
    #expect(notifier.notify("WATCHDOG=1") == nil)
  }

  @Test func `a manager that does not read stops nobody`() {
    let manager = ServiceManagerSocket(ServiceManagerSocket.makeAddress(), isReading: false)
    let notifier = ServiceNotifier(environment: manager.environment())
    // A queue of unix datagrams holds some hundred at most.
    let errors = (0..<10_000).compactMap { _ in notifier.notify("WATCHDOG=1") }
    #expect(errors == [ServiceNotifierError(address: manager.address, code: EAGAIN)])
  }

  static let watches: [(variables: [String: String], interval: Duration?)] = [
    (["WATCHDOG_USEC": "180000000"], .seconds(180)),
    (["WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "7"], .seconds(180)),
    (["WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "8"], nil),
    (["WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "?"], nil),
    (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "-5"], nil),
    (["WATCHDOG_USEC": "3 minutes"], nil), (["WATCHDOG_USEC": "18446744073709551615"], nil),
  ]

  @Test(arguments: watches)
  func `the watchdog is the one meant for this process`(
    _ variables: [String: String], _ interval: Duration?
  ) {
    let notifier = ServiceNotifier(environment: variables, pid: 7)
    #expect(notifier.watchdogInterval == interval)
  }
}
