// Window attention as attention.cl defines it, for CPUs.
//
//   qkv      [images * side * side, 3 * heads * HEAD_DIM] f32, queries already scaled
//   padding  [3 * heads * HEAD_DIM] f32: query, key and value of a padded token
//   bias     [heads, TOKENS, COLUMNS] f32: log2(e) times the bias of query i and key j; -1e30 beyond the last key.
//            expand_bias makes it from the table of attention.cl.
//   out      [images * side * side, heads * HEAD_DIM] f32, or as a linear layer of low precision reads it
//            (vector16.cl), a head one group, with its steps [images * side * side, heads]
//
// A work-item, alone in its work-group, a window and head. Keys are transposed into local memory and values copied
// there (14 KiB for window 7, 59 KiB for 14), then seven queries at a time: scores in 7 x 2 registers of 16 keys, a
// softmax to base 2 over the row, and the values in 7 x HEAD_DIM / 16 registers. A row's sums have a fixed order.
//
// Measured on two cores of a Zen 4: 56 x 56 tokens, window 7, 3 heads in 0.6 ms, where attention.cl takes 8.5.
#define TOKENS (WINDOW * WINDOW)
#define COLUMNS ((TOKENS + 31) / 32 * 32)
#define FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#define ROWS 7
#define LOG2_E 1.44269504088896340736f

#if HEAD_DIM == 16
#define FOR_VECTORS(X, r) X(r, 0)
#elif HEAD_DIM == 32
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1)
#elif HEAD_DIM == 48
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1) X(r, 2)
#elif HEAD_DIM == 64
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1) X(r, 2) X(r, 3)
#endif

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void expand_bias(__global const float *restrict table, __global float *restrict bias, const int heads) {
  const int i = get_group_id(0), head = get_group_id(1);
  for (int j = 0; j < COLUMNS; ++j) {
    const int place = (i / WINDOW - j / WINDOW + WINDOW - 1) * (2 * WINDOW - 1) + i % WINDOW - j % WINDOW + WINDOW - 1;
    bias[(head * TOKENS + i) * COLUMNS + j] = j < TOKENS ? LOG2_E * table[place * heads + head] : -1e30f;
  }
}

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void window_attention(__global const float *restrict qkv, __global const float *restrict padding,
                               __global const float *restrict bias, __global Operand *restrict out, const int side,
                               const int shift, const int heads
#ifdef OPERAND_INT8
                               , __global float *restrict steps
#endif
                               ) {
  __local float keys[HEAD_DIM * COLUMNS];
  __local float values[TOKENS * HEAD_DIM];
  __local float weights[ROWS * COLUMNS];
  __local int regions[COLUMNS];
  __local int tokens[TOKENS];

  const int head = get_group_id(0);
  const int windows = (side + WINDOW - 1) / WINDOW;
  const int padded = windows * WINDOW;
  const int window_row = get_group_id(1) / windows * WINDOW, window_column = get_group_id(1) % windows * WINDOW;
  const int channels = heads * HEAD_DIM;
  const size_t first = get_group_id(2) * (size_t)(side * side);

  for (int i = 0; i < COLUMNS; ++i) {
    if (i >= TOKENS) {
      for (int d = 0; d < HEAD_DIM; ++d) keys[d * COLUMNS + i] = 0.0f;
      regions[i] = 0;
      continue;
    }
    const int place_row = window_row + i / WINDOW, place_column = window_column + i % WINDOW;
    const int row = place_row + shift < padded ? place_row + shift : place_row + shift - padded;
    const int column = place_column + shift < padded ? place_column + shift : place_column + shift - padded;
    const int token = row < side && column < side ? row * side + column : -1;
    tokens[i] = token;
    regions[i] = 3 * ((place_row >= padded - WINDOW) + (place_row >= padded - shift)) +
                 (place_column >= padded - WINDOW) + (place_column >= padded - shift);
    __global const float *from =
        (token < 0 ? padding : qkv + (first + token) * 3 * channels) + channels + head * HEAD_DIM;
    for (int d = 0; d < HEAD_DIM; ++d) keys[d * COLUMNS + i] = from[d];
    for (int d = 0; d < HEAD_DIM; d += 16) vstore16(vload16(0, from + channels + d), 0, values + i * HEAD_DIM + d);
  }
  // Only the last windows of a rolled map hold tokens of more than one region.
  const bool masked = shift > 0 && (window_row + WINDOW == padded || window_column + WINDOW == padded);

  for (int i = 0; i < TOKENS; i += ROWS) {
#define ROW(r) const int row_##r = min(i + r, TOKENS - 1);
    FOR_ROWS(ROW)
#define QUERY(r) __global const float *query_##r = \
    (tokens[row_##r] < 0 ? padding : qkv + (first + tokens[row_##r]) * 3 * channels) + head * HEAD_DIM;
    FOR_ROWS(QUERY)

    for (int j = 0; j < COLUMNS; j += 32) {
#define START_SCORE(r) float16 low_##r = 0.0f, high_##r = 0.0f;
      FOR_ROWS(START_SCORE)
#pragma unroll 2
      for (int d = 0; d < HEAD_DIM; ++d) {
        const float16 low = vload16(0, keys + d * COLUMNS + j), high = vload16(0, keys + d * COLUMNS + j + 16);
#define STEP_SCORE(r) \
        { \
          const float16 q = (float16)(query_##r[d]); \
          low_##r = fma(q, low, low_##r); \
          high_##r = fma(q, high, high_##r); \
        }
        FOR_ROWS(STEP_SCORE)
      }
#define STORE_SCORE(r) { \
        __global const float *b = bias + (head * TOKENS + row_##r) * COLUMNS + j; \
        vstore16(fma(low_##r, LOG2_E, vload16(0, b)), 0, weights + r * COLUMNS + j); \
        vstore16(fma(high_##r, LOG2_E, vload16(1, b)), 1, weights + r * COLUMNS + j); \
      }
      FOR_ROWS(STORE_SCORE)
    }

#define SOFTMAX(r) \
    float total_##r; \
    { \
      __local float *row = weights + r * COLUMNS; \
      float16 most = vload16(0, row); \
      for (int j = 0; j < COLUMNS; j += 16) { \
        float16 score = vload16(0, row + j); \
        if (masked) { \
          const int16 same = vload16(0, regions + j) == (int16)(regions[row_##r]); \
          score += select((float16)(-100.0f * LOG2_E), (float16)(0.0f), same); \
          vstore16(score, 0, row + j); \
        } \
        most = score > most ? score : most; \
      } \
      const float16 maximum = (float16)(largest_of(most)); \
      float16 sum = 0.0f; \
      for (int j = 0; j < COLUMNS; j += 16) { \
        float16 score = vload16(0, row + j) - maximum; \
        score = score < -125.0f ? (float16)(-125.0f) : score; \
        score = power_of_two(score); \
        sum += score; \
        vstore16(score, 0, row + j); \
      } \
      total_##r = sum_of(sum); \
    }
    FOR_ROWS(SOFTMAX)

#define START_ONE(r, v) float16 sum_##r##_##v = 0.0f;
#define START(r) FOR_VECTORS(START_ONE, r)
    FOR_ROWS(START)
    for (int j = 0; j < TOKENS; ++j) {
#define LOAD_VALUE(r, v) const float16 value_##v = vload16(v, values + j * HEAD_DIM);
      FOR_VECTORS(LOAD_VALUE, 0)
#define STEP_ONE(r, v) sum_##r##_##v = fma(weight, value_##v, sum_##r##_##v);
#define STEP(r) { const float16 weight = (float16)(weights[r * COLUMNS + j]); FOR_VECTORS(STEP_ONE, r) }
      FOR_ROWS(STEP)
    }
#define FINISH_ONE(r, v) const float16 value_##v = sum_##r##_##v / total_##r;
#define MOST_ONE(r, v) most = max(most, magnitude_of(value_##v));
#define STORE_ONE(r, v) STORE_OPERAND(value_##v, inverse, to + 16 * v);
#ifdef OPERAND_INT8
#define FIND_STEP(r) \
      int16 most = 0; \
      FOR_VECTORS(MOST_ONE, r) \
      const float step = step_of(most), inverse = inverse_of(step); \
      steps[(first + tokens[row_##r]) * heads + head] = step;
#else
#define FIND_STEP(r)
#endif
#define STORE(r) if (tokens[row_##r] >= 0) { \
      __global Operand *to = out + (first + tokens[row_##r]) * channels + head * HEAD_DIM; \
      FOR_VECTORS(FINISH_ONE, r) \
      FIND_STEP(r) \
      FOR_VECTORS(STORE_ONE, r) \
    }
    FOR_ROWS(STORE)
  }
}
