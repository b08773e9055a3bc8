// Which rows can be among the k best, from what a pass over blocks of 32 rows left behind (distance.cl); portable, and with
// T = 1 the CPU's variant. One work-group of T work-items a segment (one query's values).
//
// top_k_threshold: thresholds[s] = the k-th largest of values[starts[s]…], counts[s] of them but not more than `limit`;
//   -3 where fewer than k are above that (excluded rows count -4 or less). Exact for every distribution: the values' bits,
//   which are in the values' order, are found one after the other, each by counting how many values reach it.
//
// Over blocks, those whose upper bound reaches the threshold, and of them the rows with a bit in `found`:
// top_k_count:   totals[q] = how many rows
// top_k_collect: rows[offsets[q]…] = the rows, owners the same q, in no order (T = 1: in that of the rows)
//
// upper, found [queryCount, blockStride], of which `blocks` are looked at.

#define ABSENT -3.0f

// The sum of `value` over the work-group.
#if T == 1
#define GROUP_SUM(value) (value)
#define SHARED
#define NEXT(p, n) (*(p) += (n), *(p) - (n))
#else
#define GROUP_SUM(value) group_sum(value, shared)
#define SHARED local uint shared[T];
#define NEXT(p, n) atomic_add(p, n)
static uint group_sum(uint value, local uint *shared) {
  const uint lane = get_local_id(0);
  barrier(CLK_LOCAL_MEM_FENCE);
  shared[lane] = value;
  for (uint width = T / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < width) shared[lane] += shared[lane + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  return shared[0];
}
#endif

// This work-item's share of how many values reach `edge`.
static uint reaching(global const float *values, uint count, float edge) {
  // A vector's comparison is -1 where it holds. Subtracted here, oclgrind 21.10 would take it for 1.
  int16 reached = 0;
  const uint whole = count / 16;
  for (uint i = get_local_id(0); i < whole; i += T) reached += vload16(i, values) >= edge;
  const int8 a = reached.lo + reached.hi;
  const int4 b = a.lo + a.hi;
  uint sum = -(b.x + b.y + b.z + b.w);
  if (get_local_id(0) == 0)
    for (uint i = whole * 16; i < count; i++) sum += values[i] >= edge;
  return sum;
}

// Floats in the order of integers, and back.
static long key(float value) {
  const int bits = as_int(value);
  return bits < 0 ? bits ^ 0x7fffffff : bits;
}
static float value_of(long key) {
  const int bits = (int)key;
  return as_float(bits < 0 ? bits ^ 0x7fffffff : bits);
}

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
top_k_threshold(global const float *values, global const uint *starts, global const uint *counts, uint limit, uint k,
                global float *thresholds) {
  SHARED
  const uint segment = get_group_id(0);
  const uint count = min(counts[segment], limit);
  global const float *v = values + starts[segment];
  // At least k values reach `low`, fewer reach `high`.
  long low = key(ABSENT);
  long high = key(INFINITY) + 1;
  if (GROUP_SUM(reaching(v, count, ABSENT)) < k) high = low;
  while (high - low > 1) {
    const long middle = low + (high - low) / 2;
    if (GROUP_SUM(reaching(v, count, value_of(middle))) >= k)
      low = middle;
    else
      high = middle;
  }
  if (get_local_id(0) == 0) thresholds[segment] = value_of(low);
}

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
top_k_count(global const float *upper, global const uint *found, ulong blockStride, uint blocks,
            global const float *thresholds, global uint *totals) {
  SHARED
  const uint query = get_group_id(0);
  global const float *u = upper + query * blockStride;
  const float threshold = thresholds[query];
  uint sum = 0;
  for (uint b = get_local_id(0); b < blocks; b += T)
    if (u[b] >= threshold) sum += popcount(found[query * blockStride + b]);
  sum = GROUP_SUM(sum);
  if (get_local_id(0) == 0) totals[query] = sum;
}

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
top_k_collect(global const float *upper, global const uint *found, ulong blockStride, uint blocks,
              global const float *thresholds, uint firstQuery, global const uint *offsets, global uint *rows,
              global uint *owners) {
  local uint next;
  const uint query = firstQuery + get_group_id(0);
  global const float *u = upper + query * blockStride;
  const float threshold = thresholds[query];
  if (get_local_id(0) == 0) next = offsets[get_group_id(0)];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint b = get_local_id(0); b < blocks; b += T) {
    if (!(u[b] >= threshold)) continue;
    uint bits = found[query * blockStride + b];
    uint place = NEXT(&next, popcount(bits));
    for (; bits != 0; bits &= bits - 1) {
      rows[place] = b * 32 + (31 - clz(bits & -bits));
      owners[place++] = query;
    }
  }
}
