// swift-tools-version: 6.2
import PackageDescription

// One target a room; imports point down only (CONTRIBUTING.md).
let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
  name: "esvitd",
  products: [
    .executable(name: "esvitd", targets: ["esvitd"]),
    .executable(name: "esvit", targets: ["esvit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: [.defaults, "YAML"]),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
  ],
  targets: [
    // Floor 0
    .systemLibrary(name: "COpenCL", pkgConfig: "OpenCL", providers: [.apt(["ocl-icd-opencl-dev"])]),
    .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    // GLib keeps part of its headers beside its libraries. pkg-config would know, but SwiftPM warns of flags it gives.
    .target(
      name: "CVips",
      cSettings: [
        .unsafeFlags(
          ["x86_64-linux-gnu", "aarch64-linux-gnu"].map { "-I/usr/lib/\($0)/glib-2.0/include" }
            + ["-I/usr/include/glib-2.0"])
      ],
      linkerSettings: ["vips", "gobject-2.0", "glib-2.0"].map { .linkedLibrary($0) }),
    // Each kernel file is named here and in Kernels.swift.
    .target(
      name: "Kernels", path: "Kernels",
      resources: [
        .embedInCode("attention.cl"),
        .embedInCode("attention.cpu.cl"),
        .embedInCode("ceiling.cl"),
        .embedInCode("distance.cl"),
        .embedInCode("distance.cpu.cl"),
        .embedInCode("distance_int8.cl"),
        .embedInCode("distance_rows.cl"),
        .embedInCode("element.cl"),
        .embedInCode("gemm.cl"),
        .embedInCode("gemm.cpu.cl"),
        .embedInCode("gemm.packed.cpu.cl"),
        .embedInCode("layernorm.cl"),
        .embedInCode("layernorm.cpu.cl"),
        .embedInCode("pack.cl"),
        .embedInCode("pack_words.cl"),
        .embedInCode("packed_tile.cl"),
        .embedInCode("patchmerging.cl"),
        .embedInCode("patchmerging.cpu.cl"),
        .embedInCode("pool.cl"),
        .embedInCode("preprocess.cl"),
        .embedInCode("preprocess.cpu.cl"),
        .embedInCode("round.cl"),
        .embedInCode("swin_block.cl"),
        .embedInCode("swin_block.cpu.cl"),
        .embedInCode("swin_block.packed.cpu.cl"),
        .embedInCode("tile.cl"),
        .embedInCode("tile_shape.cl"),
        .embedInCode("top_k.cl"),
        .embedInCode("vector16.cl"),
        .embedInCode("window.cl"),
      ]),
    .target(name: "OpenCL", dependencies: ["COpenCL", crypto, logging]),
    .target(name: "Metrics"),
    .target(name: "Wire"),
    // Floor 1
    .target(name: "Operators", dependencies: ["OpenCL", "Kernels", logging]),
    // Floor 2
    .target(name: "EsViT", dependencies: ["Operators", "OpenCL", crypto, logging]),
    .target(
      name: "Retrieval",
      dependencies: ["Operators", "OpenCL", logging, .product(name: "GRDB", package: "GRDB.swift")]),
    .target(name: "Imaging", dependencies: ["CTurboJPEG", "CVips", crypto]),
    // Floor 3
    .target(name: "Benchmark", dependencies: ["EsViT", "Retrieval", "Imaging", "Operators", "OpenCL"]),
    .target(
      name: "Daemon",
      dependencies: [
        "Wire", "Imaging", "EsViT", "Retrieval", logging, crypto,
        .product(name: "Configuration", package: "swift-configuration"),
        histogram,
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ] + nio),
    // Floor 4
    .executableTarget(
      name: "esvitd", dependencies: ["Daemon", "Benchmark", "EsViT", "Imaging", "Operators", "OpenCL", argumentParser]),
    .executableTarget(name: "esvit", dependencies: ["Wire", "Metrics", argumentParser, histogram]),

    .testTarget(name: "OpenCLTests", dependencies: ["OpenCL", "esvitd"]),
    .testTarget(name: "BenchmarkTests", dependencies: ["Benchmark"]),
    .testTarget(name: "OperatorsTests", dependencies: ["Operators", "OpenCL", "Kernels"]),
    .testTarget(name: "EsViTTests", dependencies: ["EsViT"]),
    .testTarget(name: "RetrievalTests", dependencies: ["Retrieval"]),
    .testTarget(name: "ImagingTests", dependencies: ["Imaging", "CTurboJPEG", "CVips"], exclude: ["Fixtures"]),
    .testTarget(name: "MetricsTests", dependencies: ["Metrics"], exclude: ["make_truth.py"]),
    .testTarget(name: "WireTests", dependencies: ["Wire"]),
    .testTarget(name: "DaemonTests", dependencies: ["Daemon"]),
    .testTarget(name: "ClientTests", dependencies: ["esvit"]),
    .testTarget(name: "SystemTests", dependencies: ["esvitd", "esvit", "Wire"]),
  ]
)

// `.ci/run` lets no warning pass; a newer compiler's new warnings shall not stop anybody else's build.
if Context.environment["ESVIT_STRICT"] != nil {
  for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
}
