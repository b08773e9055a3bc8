// The embedding: the mean of an image's normalised tokens, with the last LayerNorm's scale and shift, and the same
// divided by its Euclidean length.
//
//   x           [images * tokens, channels] f32, each row of mean 0 and variance 1
//   scale, shift [channels] f32
//   out         [images, 2, channels] f32: the mean, then the same of length 1
//
// A work-group of T work-items (a power of two) an image. Squares are summed of values divided by the largest, so that
// none overflows; a row of zeros, or with a NaN or an infinity, has no direction: its unit row is NaN.
#ifndef T
#define T 64
#endif

__attribute__((reqd_work_group_size(T, 1, 1)))
__kernel void pool(__global const float *restrict x, __global const float *restrict scale,
                   __global const float *restrict shift, __global float *restrict out, const int tokens,
                   const int channels) {
  __local float scratch[T];
  const int lane = get_local_id(0);
  const size_t image = get_group_id(0);
  __global const float *rows = x + image * tokens * channels;
  __global float *raw = out + image * 2 * channels;

  float largest = 0.0f;
  for (int c = lane; c < channels; c += T) {
    float sum = 0.0f;
    for (int t = 0; t < tokens; ++t) sum += rows[t * (size_t)channels + c];
    const float value = fma(sum / tokens, scale[c], shift[c]);
    raw[c] = value;
    largest = fmax(largest, fabs(value));
  }
  scratch[lane] = largest;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = T / 2; step > 0; step /= 2) {
    if (lane < step) scratch[lane] = fmax(scratch[lane], scratch[lane + step]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  largest = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);

  float squares = 0.0f;
  for (int c = lane; c < channels; c += T) {
    const float value = raw[c] / largest;
    squares = fma(value, value, squares);
  }
  scratch[lane] = squares;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = T / 2; step > 0; step /= 2) {
    if (lane < step) scratch[lane] += scratch[lane + step];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float length = sqrt(scratch[0]);
  for (int c = lane; c < channels; c += T) raw[channels + c] = raw[c] / largest / length;
}
