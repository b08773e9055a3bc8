// LayerNorm of rows as layernorm.cl defines it, for CPUs: channels must be a multiple of 16.
//
//   x, y          [rows, channels] f32; y may be x; or y as a linear layer of low precision reads it (vector16.cl), a row
//                 one group, with its steps [rows]
//   scale, shift  [channels] f32 (read with -D AFFINE only)
//
// A work-item, alone in its work-group, a row, in vectors of 16; the row stays in the cache for the three passes. The
// order of a row's sums is fixed. Measured on two cores of a Zen 4: 3136 x 96 in 0.05 ms, where layernorm.cl takes 2.
__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void layer_norm(__global const float *x, __global Operand *y, __global const float *restrict scale,
                         __global const float *restrict shift, const int channels, const float eps
#ifdef OPERAND_INT8
                         , __global float *restrict steps
#endif
                         ) {
  __global const float *from = x + get_group_id(0) * (size_t)channels;
  __global Operand *to = y + get_group_id(0) * (size_t)channels;
  float16 sum = 0.0f;
  for (int c = 0; c < channels; c += 16) sum += vload16(0, from + c);
  const float16 mean = (float16)(sum_of(sum) / channels);
  float16 squares = 0.0f;
  for (int c = 0; c < channels; c += 16) {
    const float16 d = vload16(0, from + c) - mean;
    squares = fma(d, d, squares);
  }
  const float variance = sum_of(squares) / channels;
  // A variance beyond the range would make every value 0: better none.
  const float16 inverse = (float16)(variance < INFINITY ? 1.0f / sqrt(variance + eps) : NAN);
#ifdef OPERAND_INT8
  int16 most = 0;
  for (int c = 0; c < channels; c += 16) most = max(most, magnitude_of((vload16(0, from + c) - mean) * inverse));
  const float step = step_of(most), inverse_step = inverse_of(step);
  steps[get_group_id(0)] = step;
#endif
  for (int c = 0; c < channels; c += 16) {
    const float16 normal = (vload16(0, from + c) - mean) * inverse;
#ifdef AFFINE
    vstore16(fma(normal, vload16(0, scale + c), vload16(0, shift + c)), 0, to + c);
#else
    STORE_OPERAND(normal, inverse_step, to + c);
#endif
  }
}
