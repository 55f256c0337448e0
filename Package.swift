// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
]

let package = Package(
  name: "supamirror",
  products: [
    .executable(name: "supamirror", targets: ["supamirror"]),
    .executable(name: "supabase-local", targets: ["supabase-local"]),
  ],
  targets: [
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
      name: "CWebSockets", pkgConfig: "libwebsockets", providers: [.apt(["libwebsockets-dev"])]),
    .systemLibrary(name: "CPosix"),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),

    // Nearly everything goes through it, in tests as well, and it is small.
    .target(
      name: "JSON",
      swiftSettings: settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    .target(
      name: "Transport", dependencies: ["CCurl", "CPosix", "CWebSockets"], swiftSettings: settings),
    .target(name: "Supabase", dependencies: ["Transport", "JSON"], swiftSettings: settings),
    .target(name: "Mirror", dependencies: ["Supabase", "JSON"], swiftSettings: settings),
    .executableTarget(
      name: "supamirror", dependencies: ["Mirror", "Supabase", "Transport", "JSON"],
      swiftSettings: settings),

    .target(
      name: "LocalSupabase", dependencies: ["Transport", "JSON", "CPostgres"],
      swiftSettings: settings),
    .executableTarget(
      name: "supabase-local", dependencies: ["LocalSupabase", "Transport", "JSON"],
      swiftSettings: settings),

    .executableTarget(
      name: "supamirror-bench", dependencies: ["LocalSupabase", "Transport", "JSON"],
      swiftSettings: settings),

    .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: settings),
    .testTarget(
      name: "TransportTests", dependencies: ["Transport"], swiftSettings: settings),
    .testTarget(
      name: "SupabaseTests", dependencies: ["Supabase", "Transport", "JSON"],
      swiftSettings: settings),
    .testTarget(
      name: "MirrorTests", dependencies: ["Mirror", "Supabase", "Transport", "JSON"],
      swiftSettings: settings),
    .testTarget(
      name: "StatusTests", dependencies: ["supamirror", "Mirror", "Supabase", "Transport", "JSON"],
      swiftSettings: settings),
    .testTarget(
      name: "BenchTests", dependencies: ["supamirror-bench", "JSON"], swiftSettings: settings),
    .testTarget(
      name: "LocalSupabaseTests", dependencies: ["LocalSupabase", "Transport", "JSON"],
      swiftSettings: settings),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["Mirror", "Supabase", "LocalSupabase", "Transport", "JSON"],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
