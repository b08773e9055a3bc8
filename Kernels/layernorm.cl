// LayerNorm of rows: y = (x - mean) / sqrt(variance + eps), then, with -D AFFINE, y * scale + shift.
//
//   x, y          [rows, channels] f32, row-major; y may be x
//   scale, shift  [channels] f32 (read with -D AFFINE only)
//
// One work-group a row; T work-items (a power of two, 1 to the device's limit) share it. Two passes over the row, since
// the one-pass form cancels where the mean is large. The order of a row's sums depends on T alone, never on the rows.
#ifndef T
#define T 64
#endif

float sum_of_group(float value, __local float *scratch) {
  const int lane = get_local_id(0);
  scratch[lane] = value;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = T / 2; step > 0; step /= 2) {
    if (lane < step) scratch[lane] += scratch[lane + step];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float sum = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}

__attribute__((reqd_work_group_size(T, 1, 1)))
__kernel void layer_norm(__global const float *x, __global float *y,
                         __global const float *restrict scale, __global const float *restrict shift,
                         const int channels, const float eps) {
  __local float scratch[T];
  const size_t base = get_group_id(0) * (size_t)channels;
  float sum = 0.0f;
  for (int c = get_local_id(0); c < channels; c += T) sum += x[base + c];
  const float mean = sum_of_group(sum, scratch) / channels;
  float squares = 0.0f;
  for (int c = get_local_id(0); c < channels; c += T) {
    const float d = x[base + c] - mean;
    squares = fma(d, d, squares);
  }
  const float variance = sum_of_group(squares, scratch) / channels;
  // A variance beyond the range would make every value 0: better none.
  const float inverse = variance < INFINITY ? 1.0f / sqrt(variance + eps) : NAN;
  for (int c = get_local_id(0); c < channels; c += T) {
    const float normal = (x[base + c] - mean) * inverse;
#ifdef AFFINE
    y[base + c] = fma(normal, scale[c], shift[c]);
#else
    y[base + c] = normal;
#endif
  }
}
