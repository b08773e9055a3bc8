import Testing

@testable import esvit

@Suite("What the daemon did during a measurement")
struct DaemonSumsTests {
  private let before = """
    # HELP esvitd_stage_seconds Latency by stage since the start.
    # TYPE esvitd_stage_seconds summary
    esvitd_stage_seconds{quantile="0.5",stage="encode"} NaN
    esvitd_stage_seconds_sum{stage="decode"} 0.5
    esvitd_stage_seconds_count{stage="decode"} 100
    esvitd_stage_seconds_sum{stage="encode"} 1
    esvitd_stage_seconds_count{stage="encode"} 20
    esvitd_images_encoded_total 100
    esvitd_batches_total 20

    """
  private let after = """
    esvitd_stage_seconds_sum{stage="decode"} 0.7
    esvitd_stage_seconds_count{stage="decode"} 180
    esvitd_stage_seconds_sum{stage="wait"} 0.4
    esvitd_stage_seconds_count{stage="wait"} 80
    esvitd_stage_seconds_sum{stage="encode"} 1.5
    esvitd_stage_seconds_count{stage="encode"} 30
    esvitd_images_encoded_total 180
    esvitd_batches_total 30
    """

  @Test("is the difference of two readings of its metrics")
  func difference() {
    var seen = Load.Outcome()
    (seen.answered, seen.sum, seen.seconds) = (80, 80 * 0.0601, 1)
    let run = BenchReport.Run(
      method: "encode", clients: 8, seen: seen, daemon: DaemonSums(after) - DaemonSums(before), seconds: 1.25)
    // 80 images in 10 batches of 50 ms: 160 a second of work, which is 0.5 s of 1.25.
    #expect(run.batch == 8 && run.devicePerSecond == 160 && run.busy == 0.4)
    #expect(abs(run.daemon.milliseconds(a: "decode") - 2.5) < 1e-9)
    #expect(abs(run.daemon.milliseconds(a: "wait") - 5) < 1e-9)
    // 60.1 ms less 2.5, 5 and 50.
    #expect(abs(run.rest - 2.6) < 1e-9)
    #expect(run.daemon.milliseconds(a: "search") == 0)
  }
}
