// Cosines between resident rows and queries on a CPU: arguments and meaning as in distance.cl.
//
// One work-item a work-group takes BLOCK rows. Tiles of 4 rows × 4 queries stay in registers (16 accumulators, 4 row
// vectors, a query vector: 21 of AVX-512's 32), so a row is converted once for 4 queries and read from memory once for
// all of them, since 4 rows stay in the first cache while the queries pass. One query runs at the memory's speed.
//
// Error bound: as in distance.cl with h = stride/16 + 5: every accumulator adds stride/16 products, then a tree of 4.
// That order is the same for every tile, so a score does not depend on how many queries ran together.

#ifdef VECTOR_F32
typedef float element;
#define LOAD16(p) vload16(0, p)
#else
typedef half element;
#define LOAD16(p) vload_half16(0, p)
#endif

#ifndef BLOCK
#define BLOCK 64 // rows a work-item, a multiple of 4: a launch of one costs 5-16 ns in PoCL
#endif

static inline float total(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
}

#define ROWS(M) M(0) M(1) M(2) M(3)
#define DECLARE(r) float16 s##r##0 = 0.0f, s##r##1 = 0.0f, s##r##2 = 0.0f, s##r##3 = 0.0f;
#define LOAD_ROW(r) const float16 v##r = LOAD16(v##r##p + i);
#define STEP(r, q) s##r##q += v##r * x;
#define COLUMN(q)                                                                                                      \
  {                                                                                                                    \
    const float16 x = vload16(0, x##q##p + i);                                                                         \
    STEP(0, q) STEP(1, q) STEP(2, q) STEP(3, q)                                                                        \
  }
#define WRITE(r, q)                                                                                                    \
  if (row + r < end && query + q < queryCount)                                                                         \
    scores[(query + q) * scoreStride + scoreBase + row + r] = total(s##r##q) * inverseNorms[row + r];

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
distance_scores(global const element *rows, global const float *inverseNorms, global const float *queries,
                global float *scores, uint count, uint stride, uint queryCount, ulong scoreStride, ulong scoreBase) {
  const uint begin = get_group_id(0) * BLOCK;
  const uint end = min(begin + BLOCK, count);
  for (uint row = begin; row < end; row += 4) {
    // Beyond the end the last row (query) is computed again and thrown away.
    const uint last = end - 1;
    global const element *v0p = rows + (ulong)row * stride;
    global const element *v1p = rows + (ulong)min(row + 1, last) * stride;
    global const element *v2p = rows + (ulong)min(row + 2, last) * stride;
    global const element *v3p = rows + (ulong)min(row + 3, last) * stride;
    uint query = 0;
    for (; query + 1 < queryCount; query += 4) {
      const uint lastQuery = queryCount - 1;
      global const float *x0p = queries + (ulong)query * stride;
      global const float *x1p = queries + (ulong)min(query + 1, lastQuery) * stride;
      global const float *x2p = queries + (ulong)min(query + 2, lastQuery) * stride;
      global const float *x3p = queries + (ulong)min(query + 3, lastQuery) * stride;
      ROWS(DECLARE)
      for (uint i = 0; i < stride; i += 16) {
        ROWS(LOAD_ROW)
        COLUMN(0) COLUMN(1) COLUMN(2) COLUMN(3)
      }
      WRITE(0, 0) WRITE(1, 0) WRITE(2, 0) WRITE(3, 0)
      WRITE(0, 1) WRITE(1, 1) WRITE(2, 1) WRITE(3, 1)
      WRITE(0, 2) WRITE(1, 2) WRITE(2, 2) WRITE(3, 2)
      WRITE(0, 3) WRITE(1, 3) WRITE(2, 3) WRITE(3, 3)
    }
    if (query < queryCount) {
      global const float *x0p = queries + (ulong)query * stride;
      float16 s00 = 0.0f, s10 = 0.0f, s20 = 0.0f, s30 = 0.0f;
      for (uint i = 0; i < stride; i += 16) {
        ROWS(LOAD_ROW)
        COLUMN(0)
      }
      WRITE(0, 0) WRITE(1, 0) WRITE(2, 0) WRITE(3, 0)
    }
  }
}
