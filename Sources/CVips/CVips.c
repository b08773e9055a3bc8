#define _GNU_SOURCE
#include "CVips.h"

#include <pthread.h>
#include <vips/vips.h>

#include <vips/vector.h>

// Library -------------------------------------------------------------------------------------------------------------

static void discard_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data) {
  (void)domain, (void)level, (void)message, (void)data;
}

int cvips_start(void) {
  // Plug-ins (ImageMagick, Poppler, OpenSlide …) are looked for below libvips' home: none shall enter the process.
  g_setenv("VIPSHOME", "/nonexistent", TRUE);
  if (vips_init("esvitd")) return -1;
  // Warnings repeat on stderr what the message buffer holds.
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG,
                    discard_log, NULL);
  vips_operation_block_set("VipsForeignLoad", TRUE);
  vips_operation_block_set("VipsForeignLoadJpeg", FALSE);
  vips_operation_block_set("VipsForeignLoadPng", FALSE);
  vips_operation_block_set("VipsForeignLoadTiff", FALSE);
  vips_operation_block_set("VipsForeignLoadWebp", FALSE);
  vips_block_untrusted_set(TRUE);
  // Each decode is one thread's work on new input, so nothing is worth caching; and generated code would need memory
  // that is writable and executable, which a hardened service does not give.
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_cache_set_max_mem(0);
  vips_cache_set_max_files(0);
  vips_vector_set_enabled(FALSE);
  return 0;
}

struct Visit {
  void (*body)(const char *name, void *context);
  void *context;
};

static void *visit_loader(GType type, void *data, void *unused) {
  struct Visit *visit = data;
  gpointer class = g_type_class_ref(type);
  if (!G_TYPE_IS_ABSTRACT(type) && !(VIPS_OPERATION_CLASS(class)->flags & VIPS_OPERATION_BLOCKED))
    visit->body(VIPS_OBJECT_CLASS(class)->nickname, visit->context);
  g_type_class_unref(class);
  return vips_type_map(type, visit_loader, data, unused);
}

void cvips_each_open_loader(void (*body)(const char *name, void *context), void *context) {
  struct Visit visit = {body, context};
  vips_type_map(g_type_from_name("VipsForeignLoad"), visit_loader, &visit, NULL);
}

// Held for reading by every thread inside libvips, at most for one strip; for writing by the one that explains. Writers
// first, or many readers would keep them waiting for good.
static pthread_rwlock_t messages = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static _Thread_local int is_explaining = 0;

static void enter(void) {
  if (!is_explaining) pthread_rwlock_rdlock(&messages);
}

static void leave(void) {
  if (!is_explaining) pthread_rwlock_unlock(&messages);
}

void cvips_begin_explaining(void) {
  pthread_rwlock_wrlock(&messages);
  is_explaining = 1;
  vips_error_clear();
}

char *cvips_end_explaining(void) {
  char *text = vips_error_buffer_copy();
  is_explaining = 0;
  pthread_rwlock_unlock(&messages);
  return text;
}

void cvips_free(void *memory) { g_free(memory); }

// Images --------------------------------------------------------------------------------------------------------------

CVipsImage *cvips_load_jpeg(const void *bytes, size_t length) {
  VipsImage *out = NULL;
  // WARNING: libjpeg reports damaged entropy data as a warning and then invents pixels.
  enter();
  vips_jpegload_buffer((void *)bytes, length, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_WARNING,
                       NULL);
  leave();
  return out;
}

CVipsImage *cvips_load_png(const void *bytes, size_t length) {
  VipsImage *out = NULL;
  enter();
  vips_pngload_buffer((void *)bytes, length, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                      NULL);
  leave();
  return out;
}

CVipsImage *cvips_load_webp(const void *bytes, size_t length) {
  VipsImage *out = NULL;
  enter();
  vips_webpload_buffer((void *)bytes, length, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                       NULL);
  leave();
  return out;
}

CVipsImage *cvips_load_tiff(const void *bytes, size_t length, int page, int subdirectory, int random) {
  VipsImage *out = NULL;
  enter();
  vips_tiffload_buffer((void *)bytes, length, &out, "page", page, "subifd", subdirectory, "access",
                       random ? VIPS_ACCESS_RANDOM : VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
  leave();
  return out;
}

void cvips_release(CVipsImage *image) { g_object_unref(image); }

int cvips_width(CVipsImage *image) { return vips_image_get_width(image); }
int cvips_height(CVipsImage *image) { return vips_image_get_height(image); }
int cvips_bands(CVipsImage *image) { return vips_image_get_bands(image); }
int cvips_orientation(CVipsImage *image) { return vips_image_get_orientation(image); }

int cvips_depth(CVipsImage *image) {
  if (vips_image_get_coding(image) != VIPS_CODING_NONE) return 0;
  VipsBandFormat format = vips_image_get_format(image);
  return format == VIPS_FORMAT_UCHAR ? 8 : format == VIPS_FORMAT_USHORT ? 16 : 0;
}

int cvips_is_cmyk(CVipsImage *image) { return vips_image_get_interpretation(image) == VIPS_INTERPRETATION_CMYK; }

int cvips_is_interlaced(CVipsImage *image) { return vips_image_get_typeof(image, "interlaced") != 0; }

const void *cvips_profile(CVipsImage *image, size_t *length) {
  const void *bytes = NULL;
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0 ||
      vips_image_get_blob(image, VIPS_META_ICC_NAME, &bytes, length))
    return NULL;
  return bytes;
}

// Steps ---------------------------------------------------------------------------------------------------------------

CVipsImage *cvips_crop(CVipsImage *in, int x, int y, int width, int height) {
  VipsImage *out = NULL;
  enter();
  vips_extract_area(in, &out, x, y, width, height, NULL);
  leave();
  return out;
}

CVipsImage *cvips_bytes_as(CVipsImage *in, enum CVipsKind kind) {
  VipsImage *bytes = NULL, *out = NULL;
  VipsInterpretation interpretation = kind == CVIPS_CMYK  ? VIPS_INTERPRETATION_CMYK
                                      : kind == CVIPS_RGB ? VIPS_INTERPRETATION_sRGB
                                                          : VIPS_INTERPRETATION_B_W;
  enter();
  if (cvips_depth(in) == 16 ? !vips_msb(in, &bytes, NULL) : !vips_copy(in, &bytes, NULL)) {
    vips_copy(bytes, &out, "interpretation", interpretation, NULL);
    g_object_unref(bytes);
  }
  leave();
  return out;
}

CVipsImage *cvips_profile_to_srgb(CVipsImage *in) {
  VipsImage *out = NULL;
  enter();
  if (cvips_is_cmyk(in))
    vips_icc_transform(in, &out, "srgb", "embedded", TRUE, "input_profile", "cmyk", "intent", VIPS_INTENT_RELATIVE,
                       "black_point_compensation", TRUE, "depth", 8, NULL);
  else
    vips_icc_transform(in, &out, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE, "black_point_compensation",
                       TRUE, "depth", 8, NULL);
  leave();
  return out;
}

CVipsImage *cvips_to_srgb(CVipsImage *in) {
  VipsImage *out = NULL;
  enter();
  vips_colourspace(in, &out, VIPS_INTERPRETATION_sRGB, NULL);
  leave();
  return out;
}

CVipsImage *cvips_flatten_on_white(CVipsImage *in) {
  double white = 255;
  VipsArrayDouble *background = vips_array_double_new(&white, 1);
  VipsImage *out = NULL;
  enter();
  vips_flatten(in, &out, "background", background, "max_alpha", 255.0, NULL);
  leave();
  vips_area_unref(VIPS_AREA(background));
  return out;
}

// Pixels --------------------------------------------------------------------------------------------------------------

CVipsRegion *cvips_region(CVipsImage *image) { return vips_region_new(image); }

void cvips_release_region(CVipsRegion *region) { g_object_unref(region); }

const uint8_t *cvips_rows(CVipsRegion *region, int y, int rows, ptrdiff_t *stride) {
  VipsRect area = {0, y, region->im->Xsize, rows};
  enter();
  int failed = vips_region_prepare(region, &area);
  leave();
  if (failed) return NULL;
  *stride = VIPS_REGION_LSKIP(region);
  return VIPS_REGION_ADDR(region, 0, y);
}
