// The little of libvips that `Imaging` uses, in a form that Swift can call: libvips' own functions are variadic. Each
// wrapper fixes its options; nothing is decided here that Swift could decide. libvips' and GLib's headers stay out of
// sight, so that Swift needs no compiler flags for them.
//
// A function that returns an image returns a new reference, or NULL where libvips refused. libvips gathers its messages in
// one buffer of the whole process, into which every thread writes: between `cvips_begin_explaining` and
// `cvips_end_explaining` only the calling thread is inside libvips, so that what it then finds there is its own.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _VipsImage CVipsImage;
typedef struct _VipsRegion CVipsRegion;

// What an image's samples mean.
enum CVipsKind { CVIPS_GREY, CVIPS_RGB, CVIPS_CMYK };

// Library -------------------------------------------------------------------------------------------------------------

// Starts libvips without its plug-ins, threads and caches, and with four loaders: JPEG, PNG, TIFF, WebP. 0 if it runs.
int cvips_start(void);

// The loaders that are not blocked, for a test: calls `body` with each one's name.
void cvips_each_open_loader(void (*body)(const char *name, void *context), void *context);

// Waits until every other thread has left libvips, keeps them out, and empties the message buffer.
void cvips_begin_explaining(void);

// Lets the others in again. The messages since the beginning; the caller gives them to `cvips_free`.
char *cvips_end_explaining(void);

void cvips_free(void *memory);

// Images --------------------------------------------------------------------------------------------------------------

// From a file's bytes, which the caller keeps alive as long as the image. Reads the header only.
CVipsImage *cvips_load_jpeg(const void *bytes, size_t length);
CVipsImage *cvips_load_png(const void *bytes, size_t length);
CVipsImage *cvips_load_webp(const void *bytes, size_t length);
// One directory of a TIFF: `page` along the chain, and below it `subdirectory` (-1: the page itself). `random`: tiles are
// decoded as they are asked for; else from the top.
CVipsImage *cvips_load_tiff(const void *bytes, size_t length, int page, int subdirectory, int random);

void cvips_release(CVipsImage *image);

int cvips_width(CVipsImage *image);
int cvips_height(CVipsImage *image);
int cvips_bands(CVipsImage *image);
int cvips_orientation(CVipsImage *image);
// 8 or 16 for unsigned integers, else 0.
int cvips_depth(CVipsImage *image);
int cvips_is_cmyk(CVipsImage *image);
// A progressive JPEG or interlaced PNG.
int cvips_is_interlaced(CVipsImage *image);
// The embedded colour profile, as long as the image lives; NULL if there is none.
const void *cvips_profile(CVipsImage *image, size_t *length);

// Steps ---------------------------------------------------------------------------------------------------------------

CVipsImage *cvips_crop(CVipsImage *in, int x, int y, int width, int height);
// The same samples with another meaning; of 16-bit samples the most significant byte.
CVipsImage *cvips_bytes_as(CVipsImage *in, enum CVipsKind kind);
// Through the embedded profile; CMYK through libvips' own one where that cannot be used.
CVipsImage *cvips_profile_to_srgb(CVipsImage *in);
CVipsImage *cvips_to_srgb(CVipsImage *in);
CVipsImage *cvips_flatten_on_white(CVipsImage *in);

// Pixels --------------------------------------------------------------------------------------------------------------

CVipsRegion *cvips_region(CVipsImage *image);
void cvips_release_region(CVipsRegion *region);
// Decodes `rows` whole rows from `y` on, on this thread. The first row, and the bytes from one to the next; NULL on error.
const uint8_t *cvips_rows(CVipsRegion *region, int y, int rows, ptrdiff_t *stride);

#ifdef __cplusplus
}
#endif
