// Cosines between resident rows and queries, portable: any OpenCL 1.2 device.
//
// rows          [count, stride]        half, or float with VECTOR_F32; stride is a multiple of 16, padded with zeros
// inverseNorms  [count]                float
// queries       [queryCount, stride]   float, each of length 1
// scores        [queryCount, scoreStride] float; row r of query q goes to scores[q · scoreStride + scoreBase + r]
//
// Work-group: T work-items (a power of two) on one row and QUERIES queries; neighbours read neighbouring elements.
// Global: (count · T, ceil(queryCount / QUERIES)). Local memory: QUERIES · T floats.
//
// How far a score may be from the truth (the exact cosine of the stored row and the given query), u = 2^-24:
// - rounding the unit query to float: at most u;
// - the dot product: each product passes at most ceil(stride / T) + log2(T) additions and one rounding of its
//   own, whatever the compiler fuses: γ(h) = hu / (1 - hu), h that sum, since Σ|q·v| ≤ |q| |v|;
// - the inverse norm (distance_rows.cl): γ(stride/16 + 5) / 2 + 11u, and u for the multiplication with it.
// With hu < 0.0099, γ(h) < 1.01 hu; the whole is below u · (1.01 h + 0.505 (stride/16 + 5) + 20), where the 20 also
// covers products of second order, flushed denormals (a row's largest element is at least 2^-9) and the rounding of
// thresholds. Distance.errorBound computes it.

#ifdef VECTOR_F32
typedef float element;
#define LOAD(index, p) (p)[index]
#else
typedef half element;
#define LOAD(index, p) vload_half(index, p)
#endif

#ifndef QUERIES
#define QUERIES 4 // per work-group, each one accumulator a work-item
#endif

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
distance_scores(global const element *rows, global const float *inverseNorms, global const float *queries,
                global float *scores, uint count, uint stride, uint queryCount, ulong scoreStride, ulong scoreBase) {
  local float partial[QUERIES][T];
  const uint lane = get_local_id(0);
  const uint row = get_group_id(0);
  const uint first = get_group_id(1) * QUERIES;
  global const element *v = rows + (ulong)row * stride;

  float sum[QUERIES];
  for (uint j = 0; j < QUERIES; j++) sum[j] = 0.0f;
  for (uint i = lane; i < stride; i += T) {
    const float x = LOAD(i, v);
    for (uint j = 0; j < QUERIES; j++) {
      // Beyond the last query the last one is computed again and thrown away: no branch, no read out of bounds.
      const uint q = min(first + j, queryCount - 1);
      sum[j] += x * queries[(ulong)q * stride + i];
    }
  }
  for (uint j = 0; j < QUERIES; j++) partial[j][lane] = sum[j];
  for (uint width = T / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < width)
      for (uint j = 0; j < QUERIES; j++) partial[j][lane] += partial[j][lane + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint j = lane; j < QUERIES; j += T)
    if (first + j < queryCount) scores[(first + j) * scoreStride + scoreBase + row] = partial[j][0] * inverseNorms[row];
}
