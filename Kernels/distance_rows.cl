// What every variant of Distance shares: vectors into and out of device memory.
//
// A resident row is `stride` elements (the dimension rounded up to 16, the rest zero), half or float (VECTOR_F32).
// Beside the rows lie their inverse norms, computed from the rounded elements, so that a score is dot · inverseNorm.

#define SKIP 0xffffffffu

// One work-item a vector: source[item, dimension] → rows[destinations[item]]; destination SKIP is passed over, so that
// one copy to the device can fill rows of several buffers.
//
// Error of the inverse norm, relative, u = 2^-24: each square passes at most stride/16 fused additions, 4 additions of
// the final tree and, where the compiler does not fuse, its own rounding: γ(stride/16 + 5) on the sum, half of it on
// the root; sqrt 3 ulp = 6u and the division 2.5 ulp = 5u (OpenCL 1.2, 7.4).
kernel void distance_pack(global const float *source, global const uint *destinations, global element *rows,
                          global float *inverseNorms, uint dimension, uint stride, ulong count) {
  const ulong item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= count) return;
  global const float *x = source + item * dimension;
  const ulong row = destinations[item];
  if (row == SKIP) return;
  global element *y = rows + row * stride;
  float16 sum = 0.0f;
  for (uint i = 0; i < stride; i += 16) {
    float16 v = 0.0f;
    if (i + 16 <= dimension) {
      v = vload16(0, x + i);
    } else {
      float tail[16];
      for (uint j = 0; j < 16; j++) tail[j] = i + j < dimension ? x[i + j] : 0.0f;
      v = vload16(0, tail);
    }
    STORE16(v, y + i);
    v = LOAD16(y + i);
    sum += v * v;
  }
  const float8 a = sum.lo + sum.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  inverseNorms[row] = 1.0f / sqrt(c.x + c.y);
}

// Copies rows out as floats, which is exact: rows[sources[item]] → gathered[destinations[item], stride].
// One work-item 16 elements; count is items · stride / 16.
kernel void distance_gather(global const element *rows, global const uint *sources, global const uint *destinations,
                            global float *gathered, uint stride, ulong count) {
  const ulong index = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (index >= count) return;
  const ulong item = index / (stride / 16);
  const uint i = index % (stride / 16) * 16;
  vstore16(LOAD16(rows + (ulong)sources[item] * stride + i), 0, gathered + (ulong)destinations[item] * stride + i);
}
