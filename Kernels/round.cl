// Rows rounded in place to the values that a low precision has: what a linear layer of that precision reads, as f32, so
// that it runs on any device by the f32 kernels.
//
//   x  [rows, width] f32
//
// round_bf16: a work-item an element; to the nearest bfloat16, ties to even, denormals to 0.
//
// round_int8: a work-item a group of `group` values of a row (the row's last may be shorter), rows * groups in all. The
// largest magnitude of the group becomes 127 steps, and each value the nearest whole number of steps. A group with a NaN
// or an infinity becomes NaN.
//
// `items` in all, any work-group.
__kernel void round_bf16(__global float *x, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const float value = x[item];
  const uint bits = as_uint(value);
  uint rounded = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  if ((bits & 0x7f800000) == 0) rounded = bits & 0x80000000;
  x[item] = isnan(value) ? value : as_float(rounded);
}

__kernel void round_int8(__global float *x, const int width, const int group, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int groups = (width + group - 1) / group;
  const int first = item % groups * group;
  const int count = min(group, width - first);
  __global float *values = x + item / groups * width + first;
  // As integers: a NaN is the largest of all. Steps have a least size, so that their inverse is finite.
  int most = as_int(1e-30f);
  for (int i = 0; i < count; ++i) most = max(most, as_int(values[i]) & 0x7fffffff);
  const float step = as_float(most) * (1.0f / 127.0f);
  // The division of a device may be off by units of the last place: one step of Newton's makes it the nearest.
  const float near = 1.0f / step;
  const float inverse = fma(fma(-step, near, 1.0f), near, near);
  for (int i = 0; i < count; ++i) {
    // 3 * 2^22 in front leaves the nearest integer in the last bits.
    const int steps = as_int(fma(values[i], inverse, 12582912.0f)) - 0x4b400000;
    values[i] = steps * step;
  }
}
