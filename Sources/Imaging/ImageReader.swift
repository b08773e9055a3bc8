import CVips

/// One file's bytes → its upright sRGB pixels: header first, then limits, then pixels. Blocks the calling thread.
struct ImageReader {
  let limits: ImageLimits
  let budget: MemoryBudget
  /// Whether nobody waits for the answer any more.
  let isCancelled: () -> Bool

  /// A side beyond this would make line and tile buffers large whatever the area; it is also JPEG's own limit.
  private static let maximumSide = 65_535
  /// Nobody else decodes while a failure is explained, so only pictures that are quickly decoded again are.
  private static let explainedPixels = 4_000_000

  /// Reads a picture or a region of it.
  func read(_ bytes: UnsafeRawBufferPointer, region: ImageRegion?) throws(ImageError) -> RGBImage {
    try Vips.start()
    let format = try ImageFormat(of: bytes)
    if format == .jpeg, region == nil, let image = try plain(bytes) { return image }
    guard let plan = try plan(bytes, format, region) else {
      return try explained(bytes, format, region)
    }
    return try budget.withBytes(plan.memory) { () throws(ImageError) in
      if let image = try pixels(plan) { return image }
      guard plan.cost <= Self.explainedPixels else {
        throw .damaged(format, reason: "its pixels cannot be decoded")
      }
      return try explained(bytes, format, region)
    }
  }

  /// The picture of a plain JPEG; nil for any other, and for one that libvips shall say the fault of.
  private func plain(_ bytes: UnsafeRawBufferPointer) throws(ImageError) -> RGBImage? {
    guard let file = PlainJPEG(bytes, pixels: limits.pixels) else { return nil }
    return try budget.withBytes(file.memory) { file.image() }
  }

  /// Tries again what libvips refused, alone in libvips, for the sake of its exact reason.
  private func explained(
    _ bytes: UnsafeRawBufferPointer, _ format: ImageFormat, _ region: ImageRegion?
  ) throws(ImageError) -> RGBImage {
    let (result, message) = Vips.explaining { () -> Result<RGBImage?, ImageError> in
      do throws(ImageError) {
        guard let plan = try plan(bytes, format, region) else { return .success(nil) }
        return .success(try pixels(plan))
      } catch {
        return .failure(error)
      }
    }
    guard let image = try result.get() else { throw .damaged(format, reason: message) }
    return image
  }

  /// What will be decoded, known from the header alone.
  private struct Plan {
    let format: ImageFormat
    let picture: Picture
    /// In stored pixels of the level.
    let area: Rectangle
    /// Pixels that are decoded for it.
    let cost: Int
    let memory: Int
  }

  /// - Returns: nil where libvips has the reason, as below.
  private func plan(
    _ bytes: UnsafeRawBufferPointer, _ format: ImageFormat, _ region: ImageRegion?
  ) throws(ImageError) -> Plan? {
    guard let opened = try Opened(bytes, format: format, level: region?.level ?? 0) else { return nil }
    let picture = opened.picture
    let area = try area(region, of: opened)
    // A picture without tiles is decoded from the top, whatever part is wanted.
    let cost = opened.tile == nil ? Rectangle(x: 0, y: 0, width: picture.width, height: picture.height) : area
    for part in [area, cost] {
      guard part.width * part.height <= limits.pixels else {
        throw .tooManyPixels(width: part.width, height: part.height, limit: limits.pixels)
      }
      guard max(part.width, part.height) <= Self.maximumSide else {
        throw .sideTooLong(width: part.width, height: part.height, limit: Self.maximumSide)
      }
    }
    return Plan(
      format: format, picture: picture, area: area, cost: cost.count,
      memory: opened.decoderMemory(for: area) + area.count * 6)
  }

  /// The region, or everything, in stored pixels of the level.
  private func area(_ region: ImageRegion?, of opened: Opened) throws(ImageError) -> Rectangle {
    let (width, height) = (opened.picture.width, opened.picture.height)
    guard let region else { return Rectangle(x: 0, y: 0, width: width, height: height) }
    let orientation = opened.picture.orientation
    let level = orientation.turned(width: width, height: height)
    let full = orientation.turned(width: opened.fullWidth, height: opened.fullHeight)
    guard
      (0..<full.width).contains(region.x), (0..<full.height).contains(region.y), region.width > 0, region.height > 0
    else { throw .regionOutside(region, levelWidth: level.width, levelHeight: level.height) }
    let x = region.x * level.width / full.width
    let y = region.y * level.height / full.height
    guard region.width <= level.width - x, region.height <= level.height - y else {
      throw .regionOutside(region, levelWidth: level.width, levelHeight: level.height)
    }
    let upright = Rectangle(x: x, y: y, width: region.width, height: region.height)
    return orientation.stored(upright, width: width, height: height)
  }

  private func pixels(_ plan: Plan) throws(ImageError) -> RGBImage? {
    let (whole, area) = (plan.picture, plan.area)
    let isWhole = area.width == whole.width && area.height == whole.height
    guard
      let part = isWhole ? whole : whole.cropped(to: area),
      let pixels = try rgb(part, plan.format)?.pixels(isCancelled: isCancelled)
    else {
      if isCancelled() { throw .cancelled }
      return nil
    }
    let stored = RGBImage(checkedWidth: area.width, height: area.height, pixels: pixels)
    return whole.orientation.upright(stored)
  }

  /// Any colours, depth and transparency → 8-bit sRGB.
  private func rgb(_ picture: Picture, _ format: ImageFormat) throws(ImageError) -> Picture? {
    guard picture.depth > 0 else {
      throw .unsupportedContent(format, "samples that are no 8- or 16-bit integers")
    }
    let (kind, space, colours): (CVipsKind, ColourProfile.Space, Int) =
      if picture.isCMYK { (CVIPS_CMYK, .cmyk, 4) } else if picture.bands < 3 { (CVIPS_GREY, .grey, 1) } else {
        (CVIPS_RGB, .rgb, 3)
      }
    guard (0...1).contains(picture.bands - colours) else {
      throw .unsupportedContent(format, "\(picture.bands) channels")
    }
    let profile = picture.profile
    let needsProfile = kind == CVIPS_CMYK || (profile?.space == space && profile?.isSRGB == false)
    // The common case costs libvips no further step.
    if kind == CVIPS_RGB, picture.bands == colours, picture.depth == 8, !needsProfile { return picture }
    guard let bytes = picture.bytes(as: kind) else { return nil }
    let colour: Picture? =
      if kind == CVIPS_CMYK {
        bytes.throughProfile()
      } else if needsProfile {
        // A profile that cannot be used is passed over, as viewers do.
        bytes.throughProfile() ?? bytes.inSRGB()
      } else {
        kind == CVIPS_RGB ? bytes : bytes.inSRGB()
      }
    return picture.bands > colours ? colour?.flattenedOnWhite() : colour
  }
}
