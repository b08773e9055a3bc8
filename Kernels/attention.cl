// Window attention: softmax(q . k + relative position bias + shift mask) v, for every window and head of a map.
//
//   qkv       [images * SIDE * SIDE, QKV_STRIDE] f32: queries (already scaled), keys, values, CHANNELS = HEADS * HEAD_DIM each
//   qkv_bias  [3 * CHANNELS] f32: what a padded token's query, key and value are, since its input is zero
//   table     [(2 WINDOW - 1)^2, HEADS] f32: the bias at (row difference + WINDOW - 1) * (2 WINDOW - 1) + column difference
//             + WINDOW - 1, differences query - key
//   out       [images * SIDE * SIDE, OUT_STRIDE] f32, the heads side by side
//
// Nothing is partitioned, rolled or padded in memory. The map of SIDE x SIDE tokens, padded with zero tokens at the right
// and the bottom to PADDED = a multiple of WINDOW, is rolled by SHIFT towards the origin: place (r, c) of a window's grid
// is token ((r + SHIFT) % PADDED, (c + SHIFT) % PADDED), and a pair of places from different regions of the unrolled map
// gets -100.
//
// Portable variant: a work-item a query and head, no local memory, any work-group; one pass over the window's keys with a
// running maximum. 1 x the arithmetic of the tiled variants, but every key is read by each query again.
#define PADDED ((SIDE + WINDOW - 1) / WINDOW * WINDOW)
#define CHANNELS (HEADS * HEAD_DIM)

int region(const int place) { return place < PADDED - WINDOW ? 0 : place < PADDED - SHIFT ? 1 : 2; }

__kernel void window_attention(__global const float *restrict qkv, __global const float *restrict qkv_bias,
                               __global const float *restrict table, __global float *restrict out) {
  const int head = get_global_id(0);
  const int token = get_global_id(1);
  const int image = get_global_id(2);
  const int row = token / SIDE, column = token % SIDE;
  const int place_row = (row + PADDED - SHIFT) % PADDED, place_column = (column + PADDED - SHIFT) % PADDED;
  const int window_row = place_row / WINDOW * WINDOW, window_column = place_column / WINDOW * WINDOW;
  const int own_region = region(place_row) * 3 + region(place_column);
  const size_t first = image * (size_t)(SIDE * SIDE);

  float query[HEAD_DIM], sum[HEAD_DIM];
  for (int d = 0; d < HEAD_DIM; ++d) {
    query[d] = qkv[(first + token) * QKV_STRIDE + head * HEAD_DIM + d];
    sum[d] = 0.0f;
  }
  float maximum = -INFINITY, total = 0.0f;
  for (int i = 0; i < WINDOW * WINDOW; ++i) {
    const int key_row = window_row + i / WINDOW, key_column = window_column + i % WINDOW;
    const int r = (key_row + SHIFT) % PADDED, c = (key_column + SHIFT) % PADDED;
    __global const float *key = r < SIDE && c < SIDE
                                    ? qkv + (first + r * SIDE + c) * QKV_STRIDE + CHANNELS + head * HEAD_DIM
                                    : qkv_bias + CHANNELS + head * HEAD_DIM;
    float score = 0.0f;
    for (int d = 0; d < HEAD_DIM; ++d) score = fma(query[d], key[d], score);
    score += table[((place_row - key_row + WINDOW - 1) * (2 * WINDOW - 1) + place_column - key_column + WINDOW - 1) * HEADS
                   + head];
#if SHIFT
    if (region(key_row) * 3 + region(key_column) != own_region) score -= 100.0f;
#endif
    if (score > maximum) {
      const float scale = exp(maximum - score);
      total *= scale;
      for (int d = 0; d < HEAD_DIM; ++d) sum[d] *= scale;
      maximum = score;
    }
    const float weight = exp(score - maximum);
    total += weight;
    for (int d = 0; d < HEAD_DIM; ++d) sum[d] = fma(weight, key[CHANNELS + d], sum[d]);
  }
  for (int d = 0; d < HEAD_DIM; ++d) out[(first + token) * OUT_STRIDE + head * HEAD_DIM + d] = sum[d] / total;
}
