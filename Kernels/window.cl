// What the window attention of a CPU shares: one window and head, in local memory. It goes behind vector16.cl.
//
//   qkv        [TOKENS, 3 HEAD_DIM] f32: query (already scaled), key and value of each token of the window, TOKENS =
//              WINDOW^2; the answers replace the queries
//   bias       [TOKENS, COLUMNS] f32: log2(e) times the bias of query i and key j; -1e30 beyond the last key
//   regions    [COLUMNS] i32: pairs of tokens of different regions get -100, if `masked`
//   keys       [HEAD_DIM, COLUMNS] f32, scratch; zeros beyond the last key
//   weights    [7, COLUMNS] f32, scratch
//
// Seven queries at a time: scores in 7 x 2 registers of 16 keys, a softmax to base 2 over the row, and the values in
// 7 x HEAD_DIM / 16 registers. A row's sums have a fixed order.
#define TOKENS (WINDOW * WINDOW)
#define COLUMNS ((TOKENS + 31) / 32 * 32)
#define PACKED (3 * HEAD_DIM)
#define LOG2_E 1.44269504088896340736f
#define FOR_QUERIES(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#define QUERIES 7

#if HEAD_DIM == 16
#define FOR_PARTS(X, r) X(r, 0)
#elif HEAD_DIM == 32
#define FOR_PARTS(X, r) X(r, 0) X(r, 1)
#elif HEAD_DIM == 48
#define FOR_PARTS(X, r) X(r, 0) X(r, 1) X(r, 2)
#elif HEAD_DIM == 64
#define FOR_PARTS(X, r) X(r, 0) X(r, 1) X(r, 2) X(r, 3)
#endif

// The token of the map, or -1, at place i of the window at (row, column) of the grid, as attention.cl defines it, and
// the region of the unrolled map that it comes from.
typedef struct {
  int token, region;
} Place;

Place place_of(const int i, const int window_row, const int window_column, const int side, const int shift) {
  const int padded = (side + WINDOW - 1) / WINDOW * WINDOW;
  const int place_row = window_row + i / WINDOW, place_column = window_column + i % WINDOW;
  const int row = place_row + shift < padded ? place_row + shift : place_row + shift - padded;
  const int column = place_column + shift < padded ? place_column + shift : place_column + shift - padded;
  Place place;
  place.token = row < side && column < side ? row * side + column : -1;
  place.region = 3 * ((place_row >= padded - WINDOW) + (place_row >= padded - shift)) +
                 (place_column >= padded - WINDOW) + (place_column >= padded - shift);
  return place;
}

// Whether a window, at (row, column) of the windows, holds tokens of more than one region: only the last ones of a rolled
// map do.
bool is_mixed(const int row, const int column, const int windows, const int shift) {
  return shift > 0 && (row == windows - 1 || column == windows - 1);
}

// What attend reads beyond the last key.
void clear_padding(__local int *regions, __local float *keys) {
  for (int i = TOKENS; i < COLUMNS; ++i) {
    regions[i] = 0;
    for (int d = 0; d < HEAD_DIM; ++d) keys[d * COLUMNS + i] = 0.0f;
  }
}

void attend(__local float *qkv, __global const float *restrict bias, __local const int *regions, const bool masked,
            __local float *keys, __local float *weights) {
  for (int i = 0; i < TOKENS; ++i)
    for (int d = 0; d < HEAD_DIM; ++d) keys[d * COLUMNS + i] = qkv[i * PACKED + HEAD_DIM + d];

  for (int i = 0; i < TOKENS; i += QUERIES) {
#define QUERY(r) \
    const int row_##r = min(i + r, TOKENS - 1); \
    __local float *query_##r = qkv + row_##r * PACKED;
    FOR_QUERIES(QUERY)

    for (int j = 0; j < COLUMNS; j += 32) {
#define START_SCORE(r) float16 low_##r = 0.0f, high_##r = 0.0f;
      FOR_QUERIES(START_SCORE)
      for (int d = 0; d < HEAD_DIM; ++d) {
        const float16 low = vload16(0, keys + d * COLUMNS + j), high = vload16(0, keys + d * COLUMNS + j + 16);
#define STEP_SCORE(r) \
        { \
          const float16 q = (float16)(query_##r[d]); \
          low_##r = fma(q, low, low_##r); \
          high_##r = fma(q, high, high_##r); \
        }
        FOR_QUERIES(STEP_SCORE)
      }
#define STORE_SCORE(r) { \
        __global const float *b = bias + row_##r * COLUMNS + j; \
        vstore16(fma(low_##r, LOG2_E, vload16(0, b)), 0, weights + r * COLUMNS + j); \
        vstore16(fma(high_##r, LOG2_E, vload16(1, b)), 1, weights + r * COLUMNS + j); \
      }
      FOR_QUERIES(STORE_SCORE)
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
    FOR_QUERIES(SOFTMAX)

#define START_ANSWER_PART(r, v) float16 answer_##r##_##v = 0.0f;
#define START_ANSWER(r) FOR_PARTS(START_ANSWER_PART, r)
    FOR_QUERIES(START_ANSWER)
    for (int j = 0; j < TOKENS; ++j) {
#define LOAD_VALUE(r, v) const float16 value_##v = vload16(v, qkv + j * PACKED + 2 * HEAD_DIM);
      FOR_PARTS(LOAD_VALUE, 0)
#define STEP_ANSWER_PART(r, v) answer_##r##_##v = fma(weight, value_##v, answer_##r##_##v);
#define STEP_ANSWER(r) \
      { \
        const float16 weight = (float16)(weights[r * COLUMNS + j]); \
        FOR_PARTS(STEP_ANSWER_PART, r) \
      }
      FOR_QUERIES(STEP_ANSWER)
    }
#define STORE_ANSWER_PART(r, v) vstore16(answer_##r##_##v / total_##r, v, query_##r);
#define STORE_ANSWER(r) FOR_PARTS(STORE_ANSWER_PART, r)
    FOR_QUERIES(STORE_ANSWER)
  }
}
