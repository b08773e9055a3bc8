import Testing

@testable import Daemon

@Suite struct BatchPolicyTests {
  private func policy(batch: Int = 4, queue: Int = 100) -> BatchPolicy<String> {
    BatchPolicy(maximumBatch: batch, batchWait: .milliseconds(2), queueLength: queue)
  }

  private func admit(_ count: Int, to policy: inout BatchPolicy<String>) -> Bool { policy.admit(count) }

  /// The decision as text: `rest`, `wait 2ms`, `encode a b`.
  private func decide(_ policy: inout BatchPolicy<String>, at microseconds: Int) -> String {
    switch policy.decide(now: .microseconds(microseconds)) {
    case .rest: "rest"
    case .wait(let until): "wait \(TimeLength.show(until))"
    case .encode(let jobs): "encode " + jobs.joined(separator: " ")
    }
  }

  @Test("a lone image leaves at once: nothing in hand could join it")
  func lone() {
    var policy = policy()
    #expect(admit(1, to: &policy) == true)
    #expect(decide(&policy, at: 0) == "rest")
    policy.arrive("a", lane: 1, now: .zero)
    #expect(decide(&policy, at: 0) == "encode a")
  }

  @Test("an image waits for those still being decoded, but not longer than the batch wait")
  func waits() {
    var policy = policy()
    #expect(admit(1, to: &policy) == true)
    #expect(admit(2, to: &policy) == true)
    policy.arrive("a", lane: 1, now: .microseconds(500))
    #expect(decide(&policy, at: 500) == "wait 2500us")
    policy.arrive("b", lane: 2, now: .microseconds(1000))
    #expect(decide(&policy, at: 1000) == "wait 2500us")
    #expect(decide(&policy, at: 2500) == "encode a b")
  }

  @Test("a batch leaves when the last image that could join is given up")
  func forgone() {
    var policy = policy()
    #expect(admit(2, to: &policy) == true)
    policy.arrive("a", lane: 1, now: .zero)
    #expect(decide(&policy, at: 10) == "wait 2ms")
    policy.forgo(1)
    #expect(decide(&policy, at: 20) == "encode a")
  }

  @Test("a full batch leaves at once, and one batch is on the device at a time")
  func full() {
    var policy = policy(batch: 2)
    #expect(admit(5, to: &policy) == true)
    for job in ["a", "b", "c"] { policy.arrive(job, lane: 1, now: .zero) }
    #expect(decide(&policy, at: 0) == "encode a b")
    #expect(decide(&policy, at: 9000) == "rest")
    policy.finish()
    #expect(decide(&policy, at: 9000) == "encode c")
    #expect(policy.inHand == 3)
  }

  @Test("clients take turns: a single image is in the next batch, however many another client sends")
  func fair() {
    var policy = policy(batch: 4)
    #expect(admit(9, to: &policy) == true)
    for job in ["a1", "a2", "a3", "a4", "a5", "a6"] { policy.arrive(job, lane: 1, now: .zero) }
    policy.arrive("b1", lane: 2, now: .milliseconds(1))
    policy.arrive("c1", lane: 3, now: .milliseconds(1))
    policy.arrive("c2", lane: 3, now: .milliseconds(1))
    #expect(decide(&policy, at: 3000) == "encode a1 b1 c1 a2")
    policy.finish()
    #expect(decide(&policy, at: 3000) == "encode c2 a3 a4 a5")
    policy.finish()
    #expect(decide(&policy, at: 3000) == "encode a6")
  }

  @Test("a cancelled image leaves the queue, and its lane's order holds")
  func cancelled() {
    var policy = policy()
    #expect(admit(3, to: &policy) == true)
    for job in ["a", "b", "c"] { policy.arrive(job, lane: 1, now: .zero) }
    let found = ["b", "b", "x"].map { name in policy.cancel(lane: name == "x" ? 7 : 1) { $0 == name } }
    #expect(found == ["b", nil, nil])
    #expect(policy.inHand == 2)
    #expect(decide(&policy, at: 0) == "encode a c")
  }

  @Test("the queue takes a request whole or not at all; what is finished makes room")
  func bounded() {
    var policy = policy(batch: 4, queue: 5)
    #expect(admit(3, to: &policy) == true)
    #expect(admit(3, to: &policy) == false)
    #expect(admit(2, to: &policy) == true)
    for job in ["a", "b", "c", "d", "e"] { policy.arrive(job, lane: 1, now: .zero) }
    #expect(decide(&policy, at: 0) == "encode a b c d")
    #expect(admit(1, to: &policy) == false)
    policy.finish()
    #expect(admit(4, to: &policy) == true)
    #expect(admit(1, to: &policy) == false)
  }
}
