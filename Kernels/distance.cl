// Cosines between resident rows and queries, portable: any OpenCL 1.2 device.
//
// rows          [rows, stride]         half, or float with VECTOR_F32; stride is a multiple of 16, padded with zeros
// inverseNorms  [rows]                 float
// queries       [queryCount, stride]   float, each of length 1
//
// distance_blocks looks at all rows, 32 (a block) at a time, and leaves a few numbers a block and query behind, so that no
// score is stored. Blocks `first…` of these rows are blocks `base…` of all:
//
// excluded      [queryCount, maskStride] one bit a row, set where it must not be found; maskStride 0: one mask for all
// thresholds    [queryCount]           a score that the k-th best row is known to reach
// upper, lower  [queryCount, blockStride] float; the block's best row that is not excluded scores between them, in truth;
//                                      -4 and less where there is none; upper is infinite where a score is not a number
// found         [queryCount, blockStride] one bit a row, set where its score may reach the threshold
//
// distance_refine scores single rows: scores[i] = row slots[i] - origin and query owners[i]; rows beyond `capacity` belong
// to another buffer and are passed over, so that one list serves them all.
//
// Work-group: T work-items (a power of two) on a block (or one row of the list) and QUERIES queries; neighbours read
// neighbouring elements. Global: (blocks · T, ceil(queryCount / QUERIES)), and (T · count) for the list.
//
// How far a score may be from the truth (the exact cosine of the stored row and the given query), u = 2^-24:
// - rounding the unit query to float: at most u;
// - the dot product: each product passes at most ceil(stride / T) + log2(T) additions and one rounding of its
//   own, whatever the compiler fuses: γ(h) = hu / (1 - hu), h that sum, since Σ|q·v| ≤ |q| |v|;
// - the inverse norm (distance_rows.cl): γ(stride/16 + 5) / 2 + 11u, and u for the multiplication with it.
// With hu < 0.0099, γ(h) < 1.01 hu; the whole is below u · (1.01 h + 0.505 (stride/16 + 5) + 24), where the 24 also
// covers products of second order, flushed denormals (a row's largest element is at least 2^-9) and the rounding of
// upper, lower and thresholds. Distance.errorBound computes it.

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
#define BLOCK 32

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
distance_blocks(global const element *rows, global const float *inverseNorms, global const float *queries,
                global const uint *excluded, ulong maskStride, global const float *thresholds, global float *upper,
                global float *lower, global uint *found, ulong blockStride, uint first, uint blocks, ulong base,
                uint stride, uint queryCount, float bound) {
  local float partial[QUERIES][T];
  local float best[QUERIES];
  local uint bits[QUERIES];
  const uint lane = get_local_id(0);
  const uint block = first + get_group_id(0);
  const ulong place = base + get_group_id(0);
  const uint firstQuery = get_group_id(1) * QUERIES;

  for (uint j = lane; j < QUERIES; j += T) {
    best[j] = -4.0f;
    bits[j] = 0;
  }
  for (uint r = 0; r < BLOCK; r++) {
    const uint row = block * BLOCK + r;
    global const element *v = rows + (ulong)row * stride;
    float sum[QUERIES];
    for (uint j = 0; j < QUERIES; j++) sum[j] = 0.0f;
    for (uint i = lane; i < stride; i += T) {
      const float x = LOAD(i, v);
      for (uint j = 0; j < QUERIES; j++) {
        // Beyond the last query the last one is computed again and thrown away: no branch, no read out of bounds.
        const uint q = min(firstQuery + j, queryCount - 1);
        sum[j] += x * queries[(ulong)q * stride + i];
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint j = 0; j < QUERIES; j++) partial[j][lane] = sum[j];
    for (uint width = T / 2; width > 0; width /= 2) {
      barrier(CLK_LOCAL_MEM_FENCE);
      if (lane < width)
        for (uint j = 0; j < QUERIES; j++) partial[j][lane] += partial[j][lane + width];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint j = lane; j < QUERIES; j += T) {
      const uint q = min(firstQuery + j, queryCount - 1);
      if (excluded[q * maskStride + place] >> r & 1) continue;
      const float score = partial[j][0] * inverseNorms[row];
      best[j] = isnan(score) ? INFINITY : fmax(best[j], score);
      if (!(score + bound < thresholds[q])) bits[j] |= 1u << r;
    }
  }
  for (uint j = lane; j < QUERIES; j += T) {
    if (firstQuery + j >= queryCount) continue;
    const ulong out = (firstQuery + j) * blockStride + place;
    upper[out] = best[j] + bound;
    // What is infinite bounds nothing from below.
    lower[out] = best[j] < INFINITY ? best[j] - bound : -4.0f;
    found[out] = bits[j];
  }
}

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
distance_refine(global const element *rows, global const float *inverseNorms, global const float *queries,
                global const uint *slots, global const uint *owners, global float *scores, uint origin, uint capacity,
                uint stride, uint count) {
  local float partial[T];
  const uint lane = get_local_id(0);
  const uint item = get_group_id(1) * get_num_groups(0) + get_group_id(0);
  const uint row = item < count ? slots[item] - origin : capacity;
  float sum = 0.0f;
  if (row < capacity) {
    global const element *v = rows + (ulong)row * stride;
    global const float *x = queries + (ulong)owners[item] * stride;
    for (uint i = lane; i < stride; i += T) sum += LOAD(i, v) * x[i];
  }
  partial[lane] = sum;
  for (uint width = T / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < width) partial[lane] += partial[lane + width];
  }
  if (lane == 0 && row < capacity) scores[item] = partial[0] * inverseNorms[row];
}
