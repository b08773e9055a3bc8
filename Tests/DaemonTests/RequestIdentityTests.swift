import Testing
import Wire

@testable import Daemon

@Suite struct RequestIdentityTests {
  @Test(
    "the id is found wherever it stands before the text ends",
    arguments: [
      (#"{"jsonrpc":"2.0","id":17,"method":"add","params":{"id":5"#, RequestID.number(17)),
      (#" { "params" : {"id":5,"a":["]",{"x":"\"}"}]} , "id" : "q\"1" , "m"#, .string("q\"1")),
      (#"{"id":null,"x"#, .null),
    ])
  func found(text: String, id: RequestID) {
    #expect(RequestID.find(inBeginning: text.utf8) == id)
  }

  @Test(
    "no id is made up",
    arguments: [
      "", "{", "[{\"id\":1,", #"{"id":1"#, #"{"id":{"a":1},"#, #"{"id":1.5,"#, #"{"params":{"id":1},"x":"#, "\"id\":1,",
      "{\"a\\",
    ])
  func notFound(text: String) {
    #expect(RequestID.find(inBeginning: text.utf8) == nil)
  }
}
