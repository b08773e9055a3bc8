// libvips as Swift sees it. Swift cannot call variadic functions, so each one that `Imaging` needs has a wrapper here
// which fixes its options; nothing is decided in this file that Swift could decide.
#pragma once
#include <vips/vips.h>
#include <vips/vector.h>

static inline VipsImage *cvips_load_jpeg(const void *bytes, size_t length) {
  VipsImage *out = NULL;
  // WARNING: libjpeg reports damaged entropy data as a warning and then invents pixels.
  vips_jpegload_buffer((void *)bytes, length, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_WARNING,
                       NULL);
  return out;
}

static inline VipsImage *cvips_load_png(const void *bytes, size_t length) {
  VipsImage *out = NULL;
  vips_pngload_buffer((void *)bytes, length, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                      NULL);
  return out;
}

static inline VipsImage *cvips_load_webp(const void *bytes, size_t length) {
  VipsImage *out = NULL;
  vips_webpload_buffer((void *)bytes, length, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                       NULL);
  return out;
}

// One directory of a TIFF: `page` along the chain, and below it `subifd` (-1: the page itself).
static inline VipsImage *cvips_load_tiff(const void *bytes, size_t length, int page, int subifd, int random) {
  VipsImage *out = NULL;
  vips_tiffload_buffer((void *)bytes, length, &out, "page", page, "subifd", subifd, "access",
                       random ? VIPS_ACCESS_RANDOM : VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
  return out;
}

static inline VipsImage *cvips_crop(VipsImage *in, int x, int y, int width, int height) {
  VipsImage *out = NULL;
  vips_extract_area(in, &out, x, y, width, height, NULL);
  return out;
}

// The same samples with another meaning; of 16-bit samples the most significant byte.
static inline VipsImage *cvips_bytes_as(VipsImage *in, VipsInterpretation interpretation) {
  VipsImage *bytes = NULL;
  if (in->BandFmt == VIPS_FORMAT_USHORT ? vips_msb(in, &bytes, NULL) : vips_copy(in, &bytes, NULL)) return NULL;
  VipsImage *out = NULL;
  vips_copy(bytes, &out, "interpretation", interpretation, NULL);
  g_object_unref(bytes);
  return out;
}

// Through the embedded profile, or through libvips' own CMYK profile where that one cannot be used.
static inline VipsImage *cvips_profile_to_srgb(VipsImage *in) {
  VipsImage *out = NULL;
  if (in->Type == VIPS_INTERPRETATION_CMYK)
    vips_icc_transform(in, &out, "srgb", "embedded", TRUE, "input_profile", "cmyk", "intent", VIPS_INTENT_RELATIVE,
                       "black_point_compensation", TRUE, "depth", 8, NULL);
  else
    vips_icc_transform(in, &out, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE, "black_point_compensation",
                       TRUE, "depth", 8, NULL);
  return out;
}

static inline VipsImage *cvips_to_srgb(VipsImage *in) {
  VipsImage *out = NULL;
  vips_colourspace(in, &out, VIPS_INTERPRETATION_sRGB, NULL);
  return out;
}

static inline VipsImage *cvips_flatten_on_white(VipsImage *in) {
  double white[] = {255, 255, 255};
  VipsArrayDouble *background = vips_array_double_new(white, in->Bands == 2 ? 1 : 3);
  VipsImage *out = NULL;
  vips_flatten(in, &out, "background", background, "max_alpha", 255.0, NULL);
  vips_area_unref(VIPS_AREA(background));
  return out;
}

// RGB pixels that stay where they are; the caller keeps them alive.
static inline VipsImage *cvips_rgb_in_memory(const void *pixels, int width, int height) {
  VipsImage *bytes =
      vips_image_new_from_memory(pixels, (size_t)width * height * 3, width, height, 3, VIPS_FORMAT_UCHAR);
  if (bytes == NULL) return NULL;
  VipsImage *out = cvips_bytes_as(bytes, VIPS_INTERPRETATION_sRGB);
  g_object_unref(bytes);
  return out;
}

// The whole picture within `side` × `side`, never enlarged.
static inline VipsImage *cvips_thumbnail(VipsImage *in, int side) {
  VipsImage *out = NULL;
  vips_thumbnail_image(in, &out, side, "height", side, "size", VIPS_SIZE_DOWN, "no_rotate", TRUE, NULL);
  return out;
}

// JPEG bytes that the caller gives to `g_free`.
static inline void *cvips_save_jpeg(VipsImage *in, int quality, size_t *length) {
  void *bytes = NULL;
  vips_jpegsave_buffer(in, &bytes, length, "Q", quality, "strip", TRUE, NULL);
  return bytes;
}

// No plug-in (ImageMagick, Poppler, OpenSlide …) enters the process: libvips looks for them below its home.
static inline int cvips_start(const char *name) {
  g_setenv("VIPSHOME", "/nonexistent", TRUE);
  return vips_init(name);
}

static void cvips_discard_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data) {
  (void)domain, (void)level, (void)message, (void)data;
}

// libvips repeats on stderr, as warnings, what it also says in its error buffer.
static inline void cvips_silence_warnings(void) {
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG | G_LOG_LEVEL_MESSAGE,
                    cvips_discard_log, NULL);
}
