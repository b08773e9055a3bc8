import OpenCL
import Operators

/// The operators and passing buffers that the collections of an archive share.
@DeviceActor
final class SearchOperators {
  let context: Context
  let distance: Distance
  let topK: TopK
  /// Vectors on their way to or from the device.
  let floats: Scratch<Float>
  let sources: Scratch<UInt32>
  let destinations: Scratch<UInt32>
  let queries: Scratch<Float>
  let scores: Scratch<Float>
  let masks: Scratch<UInt32>

  init(context: Context, format: VectorFormat, variants: Variants? = nil) throws(OpenCLError) {
    self.context = context
    distance = try Distance(context: context, format: format, variant: variants?[.distance])
    topK = try TopK(context: context)
    floats = Scratch(context: context)
    sources = Scratch(context: context)
    destinations = Scratch(context: context)
    queries = Scratch(context: context)
    scores = Scratch(context: context)
    masks = Scratch(context: context)
  }
}
