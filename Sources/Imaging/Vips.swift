import CVips
import Synchronization

/// The library itself: started once, with nothing in reach but the four loaders.
enum Vips {
  /// Makes sure that libvips runs. Safe from any thread, any number of times.
  static func start() throws(ImageError) {
    guard started else { throw .unreadableFile("libvips", reason: "the library would not start") }
  }

  private static let started: Bool = {
    guard cvips_start("esvitd") == 0 else { return false }
    cvips_silence_warnings()
    vips_operation_block_set("VipsForeignLoad", 1)
    for loader in ["Jpeg", "Png", "Tiff", "Webp"] { vips_operation_block_set("VipsForeignLoad" + loader, 0) }
    vips_block_untrusted_set(1)
    // Each decode is one thread's work, on fresh input, from memory: no threads, cache or code generator of its own.
    vips_concurrency_set(1)
    vips_cache_set_max(0)
    vips_cache_set_max_mem(0)
    vips_cache_set_max_files(0)
    vips_vector_set_enabled(0)
    return true
  }()

  /// libvips gathers messages in one buffer of the whole process. Only one failure at a time is put into words, so
  /// that a file's reason is its own.
  private static let messages = Mutex(())

  /// Runs `body` while no other failure is being explained, with an empty message buffer.
  static func explaining<Value>(_ body: () throws(ImageError) -> Value) throws(ImageError) -> Value {
    let result: Result<Value, ImageError> = messages.withLock { _ in
      vips_error_clear()
      do throws(ImageError) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// What libvips has to say, in one line of at most 200 characters; takes it out of the buffer.
  static func takeMessage() -> String {
    guard let raw = vips_error_buffer_copy() else { return "no reason given" }
    defer { g_free(raw) }
    var lines: [Substring] = []
    for line in String(cString: raw).split(whereSeparator: \.isNewline).prefix(20) where !lines.contains(line) {
      lines.append(line)
    }
    let text = lines.joined(separator: "; ").unicodeScalars.filter { $0.properties.generalCategory != .control }
    guard !text.isEmpty else { return "no reason given" }
    return String(String.UnicodeScalarView(text.prefix(200)))
  }
}
