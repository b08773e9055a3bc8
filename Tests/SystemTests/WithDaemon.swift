import Testing

/// All suites that start daemons, one test after the other: a start takes the whole machine, and the first one, which
/// compiles the kernels, should be the only one that does.
@Suite("With a daemon", .serialized) enum WithDaemon {}
