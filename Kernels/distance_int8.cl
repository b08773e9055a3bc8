// A first look at resident rows through 8-bit codes, with a bound on what it may miss; the same on every device, made for
// CPUs with AVX512-VNNI (INT8_DOT). It reads half the bytes of f16, a quarter of f32, and multiplies four times as fast.
//
// A row x, at length 1, is x = s·c + e: 8-bit codes c, a scale s, and what rounding left, whose length |e| is kept.
// A query q of length 1 is q = t·d + f in the same way. Then for the cosine
//
//   q·x = (t·d)·(s·c) + q·e + f·(s·c),   and by Cauchy and Schwarz
//   |q·x - t·s·(d·c)| ≤ |q| |e| + |f| |s·c| ≤ |e| + |f| (1 + |e|) = |e| (1 + |f|) + |f| =: b.
//
// d·c is exact in 32 bits up to 65536 elements. So upper = t·s·(d·c) + b is at least the cosine, and no row is missed
// whose cosine reaches a threshold if every row with upper ≥ threshold is looked at again (distance_refine), whatever the
// values are: equal rows, near ties, one huge element, rows built to have the worst error. What the values decide is only
// how many rows that are; where they are too many, the search takes the pass over the rows themselves (distance_blocks).
//
// Roundings, u = 2^-24. errors[row] is computed from the stored row times its inverse norm n:
// - n is 1/|x| (1 + δ), |δ| ≤ (0.505 (stride/16 + 5) + 11) u (distance_rows.cl), so q·(xn) is within 1.01 δ of the cosine;
// - each element of e is off by at most u |x n| + 2u |s·c| + u |e|, all together in length by less than 5u (|s·c| ≤ 1.01
//   + |e|, and |e| ≤ 1.01: an element is off by half a step, s/2, at most, and by no more than its own size);
// - the sum of squares and its root: relative, (stride/16 + 5) u / 2 + 3u < 1.5e-4 for 65536 elements;
// hence the factor 1.0003 and the addend 5e-7. t·s·(d·c): three roundings of at most 4, and b and the sums: below 32u.
// Int8Distance passes `rounding` = u (0.51 (stride/16 + 5) + 44) for all but what is in errors[]. The host computes |f|
// in double precision and rounds it up.
//
// codes    [blocks, stride/4, 32, 4] char: 32 rows side by side, 4 elements of each together, as the instruction reads
// scales   [rows] float: s
// offsets  [rows] int: -128 · Σc, since the queries' codes are stored as d + 128: the instruction wants one side unsigned
// errors   [rows] float: |e|, rounded up; 4 where it is not a number, so that the row is always looked at again
// queries  [queryCount, stride/4] uint: four times d + 128; queryScales: t; queryErrors: |f|
// The rest as in distance.cl.
//
// On 2 cores with VNNI, 100,000 × 768: one query 2.0 ms where f16 takes 8.9 (37 GB/s), 64 queries 12.8 ms where f16 takes
// 83 (788 of the 935 GOP/s).

#define BLOCK 32
#ifndef BLOCKS
#define BLOCKS 4 // blocks a work-item
#endif

static inline float largest(float16 v) {
  const float8 a = fmax(v.lo, v.hi);
  const float4 b = fmax(a.lo, a.hi);
  const float2 c = fmax(b.lo, b.hi);
  return fmax(c.x, c.y);
}

// Codes of rows slots[item]; one work-item a row.
kernel void int8_pack(global const element *rows, global const float *inverseNorms, global const uint *slots,
                      global uint *codes, global float *scales, global int *offsets, global float *errors, uint stride,
                      ulong count) {
  const ulong item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= count) return;
  const uint row = slots[item];
  if (row == 0xffffffffu) return;
  global const element *x = rows + (ulong)row * stride;
  global uint *y = codes + (ulong)(row / BLOCK) * (stride / 4) * BLOCK + row % BLOCK;
  float16 most = 0.0f;
  for (uint i = 0; i < stride; i += 16) most = fmax(most, fabs(LOAD16(x + i)));
  const float magnitude = largest(most);
  const float norm = inverseNorms[row];
  const float scale = magnitude * norm / 127.0f;
  const float toCode = 127.0f / magnitude;
  float16 squares = 0.0f;
  int16 sum = 0;
  for (uint i = 0; i < stride; i += 16) {
    const float16 v = LOAD16(x + i);
    const float16 code = clamp(rint(v * toCode), -127.0f, 127.0f);
    const int16 c = convert_int16(code);
    const uint4 words = as_uint4(convert_char16(c));
    y[i / 4 * BLOCK] = words.x;
    y[(i / 4 + 1) * BLOCK] = words.y;
    y[(i / 4 + 2) * BLOCK] = words.z;
    y[(i / 4 + 3) * BLOCK] = words.w;
    sum += c;
    const float16 e = v * norm - scale * code;
    squares += e * e;
  }
  const float8 a = squares.lo + squares.hi;
  const float4 b = a.lo + a.hi;
  const float error = sqrt(b.x + b.y + b.z + b.w) * 1.0003f + 5e-7f;
  const int8 c = sum.lo + sum.hi;
  const int4 d = c.lo + c.hi;
  const bool isSound = error < 4.0f && scale < 4.0f;
  offsets[row] = -128 * (d.x + d.y + d.z + d.w);
  scales[row] = isSound ? scale : 0.0f;
  errors[row] = isSound ? error : 4.0f;
}

// c += the products of four unsigned bytes of q and four signed bytes of each element of r.
#if defined(INT8_DOT) && defined(__AVX512F__)
#define DOT(c, q, r) __asm__("vpdpbusd %2, %1, %0" : "+v"(c) : "v"((int16)(q)), "v"(r))
#else
static inline int16 dot4(int16 c, uint q, int16 r) {
  c += (int)(q & 255) * (r << 24 >> 24);
  c += (int)(q >> 8 & 255) * (r << 16 >> 24);
  c += (int)(q >> 16 & 255) * (r << 8 >> 24);
  return c + (int)(q >> 24) * (r >> 24);
}
#define DOT(c, q, r) c = dot4(c, q, r)
#endif

// One query over a block: `dots` of its 32 rows, and what is known of the rows.
typedef struct {
  float16 scales[2], errors[2];
  float mostError;
} block_rows;

static inline void finish(int16 dots0, int16 dots1, const block_rows *rows, float scale, float error, float rounding,
                          uint excluded, float threshold, global float *upper, global float *lower,
                          global uint *found) {
  const int16 bit = (int16)(1) << (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const float fixed = error + rounding;
  float16 a = convert_float16(dots0) * (rows->scales[0] * scale) + (rows->errors[0] * (1.0f + error) + fixed);
  float16 b = convert_float16(dots1) * (rows->scales[1] * scale) + (rows->errors[1] * (1.0f + error) + fixed);
  a = ((int16)(excluded & 0xffff) & bit) != 0 ? (float16)(-4.0f) : a;
  b = ((int16)(excluded >> 16) & bit) != 0 ? (float16)(-4.0f) : b;
  const float most = largest(fmax(a, b));
  *upper = most;
  // The row with the largest upper bound has a cosine of at least that less twice its b.
  *lower = most - 2.0f * (rows->mostError * (1.0f + error) + fixed);
  uint bits = 0;
  if (most >= threshold) {
    const int16 c = (a >= threshold ? bit : 0) | (b >= threshold ? bit << 16 : 0);
    const int8 d = c.lo | c.hi;
    const int4 e = d.lo | d.hi;
    bits = (uint)(e.x | e.y | e.z | e.w) & ~excluded;
  }
  *found = bits;
}

#define QUERIES(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7)
#define TILE 8
// Beyond the last query the last one is computed again and thrown away.
#define DECLARE(q)                                                                                                     \
  global const uint *x##q = queries + (ulong)min(query + q, last) * groups;                                            \
  int16 a##q = offset0, b##q = offset1;
#define STEP(q)                                                                                                        \
  DOT(a##q, x##q[g], r0);                                                                                              \
  DOT(b##q, x##q[g], r1);
#define FINISH(q)                                                                                                      \
  if (query + q <= last) {                                                                                             \
    const ulong out = (query + q) * blockStride + place;                                                               \
    finish(a##q, b##q, &known, queryScales[query + q], queryErrors[query + q], rounding,                               \
           excluded[(query + q) * maskStride + place], thresholds[query + q], upper + out, lower + out, found + out);  \
  }

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
int8_blocks(global const int16 *codes, global const float *scales, global const int *offsets,
            global const float *errors, global const uint *queries, global const float *queryScales,
            global const float *queryErrors, global const uint *excluded, ulong maskStride,
            global const float *thresholds, global float *upper, global float *lower, global uint *found,
            ulong blockStride, uint first, uint blocks, ulong base, uint stride, uint queryCount, float rounding) {
  const uint last = queryCount - 1;
  const uint groups = stride / 4;
  const uint begin = get_group_id(0) * BLOCKS;
  for (uint b = begin; b < min(begin + BLOCKS, blocks); b++) {
    const uint block = first + b;
    const ulong place = base + b;
    global const int16 *rows = codes + (ulong)block * groups * 2;
    const int16 offset0 = vload16(2 * block, offsets), offset1 = vload16(2 * block + 1, offsets);
    block_rows known;
    known.scales[0] = vload16(2 * block, scales), known.scales[1] = vload16(2 * block + 1, scales);
    known.errors[0] = vload16(2 * block, errors), known.errors[1] = vload16(2 * block + 1, errors);
    known.mostError = largest(fmax(known.errors[0], known.errors[1]));
    uint query = 0;
    for (; query < last; query += TILE) {
      QUERIES(DECLARE)
      for (uint g = 0; g < groups; g++) {
        const int16 r0 = rows[2 * g], r1 = rows[2 * g + 1];
        QUERIES(STEP)
      }
      QUERIES(FINISH)
    }
    if (query == last) {
      // Two more accumulators, or each instruction would wait for the one before it.
      int16 a0 = offset0, b0 = offset1, a1 = 0, b1 = 0;
      for (uint g = 0; g < groups; g += 2) {
        DOT(a0, queries[(ulong)query * groups + g], rows[2 * g]);
        DOT(b0, queries[(ulong)query * groups + g], rows[2 * g + 1]);
        DOT(a1, queries[(ulong)query * groups + g + 1], rows[2 * g + 2]);
        DOT(b1, queries[(ulong)query * groups + g + 1], rows[2 * g + 3]);
      }
      a0 += a1;
      b0 += b1;
      FINISH(0)
    }
  }
}
