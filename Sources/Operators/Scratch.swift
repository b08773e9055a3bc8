import OpenCL

/// A buffer that is kept from call to call and made anew only to grow. Its contents are undefined.
@DeviceActor
package final class Scratch<Element: BitwiseCopyable> {
  private let context: Context
  private var buffer: Buffer<Element>?

  package init(context: Context) { self.context = context }

  /// At least `count` elements.
  package func reserve(_ count: Int) throws(OpenCLError) -> Buffer<Element> {
    if let buffer, buffer.count >= count { return buffer }
    // The old one goes first, so that both need not fit.
    buffer = nil
    let grown = try context.makeBuffer(Element.self, count: count)
    buffer = grown
    return grown
  }
}
