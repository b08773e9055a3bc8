import OpenCL
import Operators

/// The operators and passing buffers that the collections of an archive share.
@DeviceActor
final class SearchOperators {
  let context: Context
  let distance: Distance
  /// Nil where it would not be faster.
  let int8: Int8Distance?
  let int8Queries: Int8Distance.QueryBuffers
  let topK: TopK
  /// Vectors on their way to or from the device.
  let floats: Scratch<Float>
  let sources: Scratch<UInt32>
  let destinations: Scratch<UInt32>
  let queries: Scratch<Float>
  let scores: Scratch<Float>

  init(context: Context, format: VectorFormat, variants: Variants? = nil) throws(OpenCLError) {
    self.context = context
    let variants = variants ?? .preferred(for: context.device)
    distance = try Distance(context: context, format: format, variant: variants[.distance])
    int8 = variants[.distanceInt8] == .packed ? try Int8Distance(context: context, format: format) : nil
    int8Queries = Int8Distance.QueryBuffers(context: context)
    topK = try TopK(context: context)
    floats = Scratch(context: context)
    sources = Scratch(context: context)
    destinations = Scratch(context: context)
    queries = Scratch(context: context)
    scores = Scratch(context: context)
  }
}
