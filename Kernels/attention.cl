// Window attention: softmax(q . k + relative position bias + shift mask) v, for every window and head of a map.
//
//   qkv       [tokens, 3 * CHANNELS] f32, tokens = images * side * side: queries (already scaled), keys and values of
//             CHANNELS = heads * HEAD_DIM each
//   qkv_bias  [3 * CHANNELS] f32: what a padded token's query, key and value are, since its input is zero
//   table     [(2 window - 1)^2, heads] f32: the bias at (row difference + window - 1) * (2 window - 1)
//             + column difference + window - 1, differences query - key
//   out       [tokens, CHANNELS] f32, the heads side by side
//
// Nothing is partitioned, rolled or padded in memory. The map of side x side tokens, padded with zero tokens at the
// right and the bottom to padded = a multiple of window, is rolled by shift towards the origin: place (r, c) of a
// window's grid is token ((r + shift) % padded, (c + shift) % padded), and a pair of places from different regions of
// the unrolled map gets -100.
//
// Portable variant: a work-item a query and head, no local memory, any work-group; one pass over the window's keys with
// a running maximum. The arithmetic of the CPU's variant, but every key is read anew for each query.
int region(const int place, const int padded, const int window, const int shift) {
  return (place >= padded - window) + (place >= padded - shift);
}

__kernel void window_attention(__global const float *restrict qkv, __global const float *restrict qkv_bias,
                               __global const float *restrict table, __global float *restrict out, const int side,
                               const int window, const int shift, const int heads, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int channels = heads * HEAD_DIM;
  const int head = item % heads;
  const size_t first = item / heads / (side * side) * (side * side);
  const int token = item / heads % (side * side);
  const int padded = (side + window - 1) / window * window;
  const int place_row = (token / side + padded - shift) % padded;
  const int place_column = (token % side + padded - shift) % padded;
  const int window_row = place_row / window * window, window_column = place_column / window * window;

  float query[HEAD_DIM], sum[HEAD_DIM];
  for (int d = 0; d < HEAD_DIM; ++d) {
    query[d] = qkv[(first + token) * 3 * channels + head * HEAD_DIM + d];
    sum[d] = 0.0f;
  }
  float maximum = -INFINITY, total = 0.0f;
  for (int i = 0; i < window * window; ++i) {
    const int key_row = window_row + i / window, key_column = window_column + i % window;
    const int r = (key_row + shift) % padded, c = (key_column + shift) % padded;
    __global const float *key =
        (r < side && c < side ? qkv + (first + r * side + c) * 3 * channels : qkv_bias) + channels + head * HEAD_DIM;
    float score = 0.0f;
    for (int d = 0; d < HEAD_DIM; ++d) score = fma(query[d], key[d], score);
    const int difference =
        (place_row - key_row + window - 1) * (2 * window - 1) + place_column - key_column + window - 1;
    score += table[difference * heads + head];
    if (shift > 0 && (region(key_row, padded, window, shift) != region(place_row, padded, window, shift) ||
                      region(key_column, padded, window, shift) != region(place_column, padded, window, shift)))
      score -= 100.0f;
    if (score > maximum) {
      const float scale = exp(maximum - score);
      total *= scale;
      for (int d = 0; d < HEAD_DIM; ++d) sum[d] *= scale;
      maximum = score;
    }
    const float weight = exp(score - maximum);
    total += weight;
    for (int d = 0; d < HEAD_DIM; ++d) sum[d] = fma(weight, key[channels + d], sum[d]);
  }
  for (int d = 0; d < HEAD_DIM; ++d) out[(first + token) * channels + head * HEAD_DIM + d] = sum[d] / total;
}
