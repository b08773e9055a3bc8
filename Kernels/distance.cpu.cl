// Cosines between resident rows and queries on a CPU: arguments and meaning as in distance.cl.
//
// One work-item a work-group takes BLOCKS blocks (or LIST rows of a list). Tiles of 4 rows × 6 queries stay in registers
// (24 accumulators, 4 row vectors, a query vector: 29 of AVX-512's 32), so a row is converted once for 6 queries and read
// from memory once for all of them, since a block stays in the second cache while the queries pass. A last, single query
// reads row by row: from end to end the processor reads ahead, and 100,000 x 768 take 4.4 ms where 4 rows side by side took
// 9.2 (36 against 17 GB/s). 64 queries run at 70 % of the FMA peak.
//
// Error bound: as in distance.cl with h = stride/16 + 5: every accumulator adds stride/16 products, then a tree of 4. (Where
// 2 or 4 accumulators share the products, 1 or 2 additions join them: no more than that from 64 elements on, and below
// only one is in use.)

#define BLOCK 32
#ifndef BLOCKS
#define BLOCKS 2 // blocks a work-item: a launch of one costs 5-16 ns in PoCL
#endif
#ifndef LIST
#define LIST 16
#endif

// The sums of four vectors' elements.
static inline float4 totals(float16 a, float16 b, float16 c, float16 d) {
  const float16 ab = (float16)(a.lo + a.hi, b.lo + b.hi);
  const float16 cd = (float16)(c.lo + c.hi, d.lo + d.hi);
  const float16 abcd =
      (float16)(ab.s0123 + ab.s4567, ab.s89ab + ab.scdef, cd.s0123 + cd.s4567, cd.s89ab + cd.scdef);
  const float8 e = abcd.even + abcd.odd;
  return e.even + e.odd;
}

// One query's best score so far in a block, and its rows that may reach the threshold.
typedef struct {
  float best;
  uint found;
} summary;

// Takes in rows part · 4… of a block; `excluded` is the block's mask.
static inline summary take(summary s, float4 score, uint part, uint excluded, float threshold, float bound) {
  const int4 isOut = (int4)(excluded >> 4 * part) << (int4)(31, 30, 29, 28);
  const float4 kept = select(score, (float4)(-4.0f), isOut);
  const float2 a = fmax(kept.lo, kept.hi);
  s.best = any(isnan(kept)) ? INFINITY : fmax(s.best, fmax(a.x, a.y));
  const int4 reaches = !(kept + bound < threshold) & (int4)(1, 2, 4, 8);
  const int2 b = reaches.lo | reaches.hi;
  s.found |= (uint)(b.x | b.y) << 4 * part;
  return s;
}

#define ROWS(M) M(0) M(1) M(2) M(3)
#define QUERIES(M) M(0) M(1) M(2) M(3) M(4) M(5)
#define TILE 6

#define POINT_ROW(r) global const element *v##r##p = rows + (ulong)(row + r) * stride;
#define LOAD_ROW(r) const float16 v##r = LOAD16(v##r##p + i);
// Beyond the last query the last one is computed again and thrown away.
#define POINT(q)                                                                                                       \
  const uint at##q = min(query + q, last);                                                                             \
  global const float *x##q##p = queries + (ulong)at##q * stride;                                                        \
  const uint excluded##q = excluded[at##q * maskStride + place];                                                        \
  const float threshold##q = thresholds[at##q];                                                                         \
  summary summary##q = {-4.0f, 0};
#define DECLARE(q) float16 s0##q = 0.0f, s1##q = 0.0f, s2##q = 0.0f, s3##q = 0.0f;
#define COLUMN(q)                                                                                                      \
  {                                                                                                                    \
    const float16 x = vload16(0, x##q##p + i);                                                                         \
    s0##q += v0 * x, s1##q += v1 * x, s2##q += v2 * x, s3##q += v3 * x;                                                \
  }
#define TAKE(q)                                                                                                        \
  summary##q = take(summary##q, totals(s0##q, s1##q, s2##q, s3##q) * norms, part, excluded##q, threshold##q, bound);
#define WRITE(q)                                                                                                       \
  if (query + q <= last) {                                                                                             \
    const ulong out = (query + q) * blockStride + place;                                                               \
    upper[out] = summary##q.best + bound;                                                                              \
    lower[out] = summary##q.best < INFINITY ? summary##q.best - bound : -4.0f;                                         \
    found[out] = summary##q.found & ~excluded##q;                                                                      \
  }
#define TILE_OF(M)                                                                                                     \
  M(POINT)                                                                                                             \
  for (uint part = 0; part < BLOCK / 4; part++) {                                                                      \
    const uint row = block * BLOCK + part * 4;                                                                         \
    const float4 norms = vload4(0, inverseNorms + row);                                                                \
    ROWS(POINT_ROW)                                                                                                    \
    M(DECLARE)                                                                                                         \
    for (uint i = 0; i < stride; i += 16) {                                                                            \
      ROWS(LOAD_ROW)                                                                                                   \
      M(COLUMN)                                                                                                        \
    }                                                                                                                  \
    M(TAKE)                                                                                                            \
  }                                                                                                                    \
  M(WRITE)
#define ONE(M) M(0)
// A row's sum of 16 for one query, from its first element to its last.
#define STEP(r, j) t##r##j += LOAD16(v##r##p + i + 16 * j) * vload16(0, x0p + i + 16 * j);
#define STREAM(r)                                                                                                      \
  float16 s##r##0;                                                                                                     \
  {                                                                                                                    \
    float16 t##r##0 = 0.0f, t##r##1 = 0.0f, t##r##2 = 0.0f, t##r##3 = 0.0f;                                            \
    uint i = 0;                                                                                                        \
    for (; i + 64 <= stride; i += 64) { STEP(r, 0) STEP(r, 1) STEP(r, 2) STEP(r, 3) }                                  \
    for (; i < stride; i += 16) { STEP(r, 0) }                                                                         \
    s##r##0 = t##r##0 + t##r##1 + (t##r##2 + t##r##3);                                                                 \
  }

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
distance_blocks(global const element *rows, global const float *inverseNorms, global const float *queries,
                global const uint *excluded, ulong maskStride, global const float *thresholds, global float *upper,
                global float *lower, global uint *found, ulong blockStride, uint first, uint blocks, ulong base,
                uint stride, uint queryCount, float bound) {
  const uint last = queryCount - 1;
  const uint begin = get_group_id(0) * BLOCKS;
  for (uint b = begin; b < min(begin + BLOCKS, blocks); b++) {
    const uint block = first + b;
    const ulong place = base + b;
    uint query = 0;
    for (; query < last; query += TILE) { TILE_OF(QUERIES) }
    if (query < queryCount) {
      ONE(POINT)
      for (uint part = 0; part < BLOCK / 4; part++) {
        const uint row = block * BLOCK + part * 4;
        const float4 norms = vload4(0, inverseNorms + row);
        ROWS(POINT_ROW)
        ROWS(STREAM)
        ONE(TAKE)
      }
      ONE(WRITE)
    }
  }
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
distance_refine(global const element *rows, global const float *inverseNorms, global const float *queries,
                global const uint *slots, global const uint *owners, global float *scores, uint origin, uint capacity,
                uint stride, uint count) {
  const uint begin = (get_group_id(1) * get_num_groups(0) + get_group_id(0)) * LIST;
  for (uint item = begin; item < min(begin + LIST, count); item++) {
    const uint row = slots[item] - origin;
    if (row >= capacity) continue;
    global const element *v = rows + (ulong)row * stride;
    global const float *x = queries + (ulong)owners[item] * stride;
    float16 a = 0.0f, b = 0.0f;
    uint i = 0;
    for (; i + 32 <= stride; i += 32) {
      a += LOAD16(v + i) * vload16(0, x + i);
      b += LOAD16(v + i + 16) * vload16(0, x + i + 16);
    }
    if (i < stride) a += LOAD16(v + i) * vload16(0, x + i);
    scores[item] = totals(a + b, 0.0f, 0.0f, 0.0f).x * inverseNorms[row];
  }
}
