// An image of any size into the patches that the encoder projects: Pillow's antialiased bicubic resizing, bit for bit
// (two passes of 22-bit fixed-point weights, rounded to 8 bits after each: Resample.c), of the centre crop alone.
//
//   pixels   [rows, width, 3] u8, sRGB, from byte `offset` on: the image's rows from `first_row` on
//   weights  [crop, taps] i32 and spans [crop, 2] i32 (first source pixel, number of them): one table an axis
//   columns  [rows, crop, 3] u8: after the horizontal pass
//   patches  [(crop / patch)^2, patch * patch * 3] f32 from element `place` on, 0...255, order row, column, channel;
//            mean and standard deviation are folded into the projection
//
// Portable variant: a work-item a pixel, `items` in all, any work-group.
#define PRECISION 22

uchar clip(const int sum) { return (uchar)clamp(sum >> PRECISION, 0, 255); }

__kernel void resize_rows(__global const uchar *restrict pixels, __global const int *restrict weights,
                          __global const int *restrict spans, __global uchar *restrict columns, const ulong offset,
                          const int width, const int taps, const int crop, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int x = item % crop;
  const size_t y = item / crop;
  __global const uchar *from = pixels + offset + (y * width + spans[2 * x]) * 3;
  int red = 1 << (PRECISION - 1), green = red, blue = red;
  for (int i = 0; i < spans[2 * x + 1]; ++i) {
    const int weight = weights[x * taps + i];
    red += from[3 * i] * weight;
    green += from[3 * i + 1] * weight;
    blue += from[3 * i + 2] * weight;
  }
  __global uchar *to = columns + (y * crop + x) * 3;
  to[0] = clip(red);
  to[1] = clip(green);
  to[2] = clip(blue);
}

__kernel void resize_columns(__global const uchar *restrict columns, __global const int *restrict weights,
                             __global const int *restrict spans, __global float *restrict patches, const ulong place,
                             const int first_row, const int taps, const int crop, const int patch,
                             const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int x = item % crop;
  const int y = item / crop;
  __global const uchar *from = columns + ((spans[2 * y] - first_row) * (size_t)crop + x) * 3;
  int red = 1 << (PRECISION - 1), green = red, blue = red;
  for (int i = 0; i < spans[2 * y + 1]; ++i) {
    const int weight = weights[y * taps + i];
    red += from[0] * weight;
    green += from[1] * weight;
    blue += from[2] * weight;
    from += crop * 3;
  }
  const size_t token = (y / patch) * (crop / patch) + x / patch;
  __global float *to = patches + place + ((token * patch + y % patch) * patch + x % patch) * 3;
  to[0] = clip(red);
  to[1] = clip(green);
  to[2] = clip(blue);
}
