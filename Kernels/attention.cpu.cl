// Window attention as attention.cl defines it, for CPUs.
//
//   qkv      [images * side * side, 3 * heads * HEAD_DIM] f32, queries already scaled
//   padding  [3 * heads * HEAD_DIM] f32: query, key and value of a padded token
//   bias     [heads, TOKENS, COLUMNS] f32: log2(e) times the bias of query i and key j; -1e30 beyond the last key.
//            expand_bias makes it from the table of attention.cl.
//   out      [images * side * side, heads * HEAD_DIM] f32, or as a linear layer of low precision reads it
//            (vector16.cl), a head one group, with its steps [images * side * side, heads]
//
// A work-item, alone in its work-group, a window and head, which it copies into local memory (34 KiB for window 7, 110
// for 14; window.cl).
//
// Measured on two cores of a Zen 4: 56 x 56 tokens, window 7, 3 heads in 0.6 ms, where attention.cl takes 8.5.
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
  __local float own[TOKENS * PACKED];
  __local float keys[HEAD_DIM * COLUMNS];
  __local float weights[QUERIES * COLUMNS];
  __local int regions[COLUMNS];
  __local int tokens[TOKENS];

  const int head = get_group_id(0);
  const int windows = (side + WINDOW - 1) / WINDOW;
  const int window_row = get_group_id(1) / windows, window_column = get_group_id(1) % windows;
  const int channels = heads * HEAD_DIM;
  const size_t first = get_group_id(2) * (size_t)(side * side);

  for (int i = 0; i < TOKENS; ++i) {
    const Place place = place_of(i, window_row * WINDOW, window_column * WINDOW, side, shift);
    tokens[i] = place.token;
    regions[i] = place.region;
    __global const float *from =
        (place.token < 0 ? padding : qkv + (first + place.token) * 3 * channels) + head * HEAD_DIM;
    __local float *to = own + i * PACKED;
    for (int d = 0; d < HEAD_DIM; d += 16) {
      vstore16(vload16(0, from + d), 0, to + d);
      vstore16(vload16(0, from + channels + d), 0, to + HEAD_DIM + d);
      vstore16(vload16(0, from + 2 * channels + d), 0, to + 2 * HEAD_DIM + d);
    }
  }
  clear_padding(regions, keys);
  attend(own, bias + head * TOKENS * COLUMNS, regions, is_mixed(window_row, window_column, windows, shift), keys,
         weights);

  for (int i = 0; i < TOKENS; ++i) {
    if (tokens[i] < 0) continue;
    __global Operand *to = out + (first + tokens[i]) * channels + head * HEAD_DIM;
#define ANSWER_PART(r, v) const float16 answer_##v = vload16(v, own + i * PACKED);
#define MOST_PART(r, v) most = max(most, magnitude_of(answer_##v));
#define STORE_PART(r, v) STORE_OPERAND(answer_##v, inverse, to + 16 * v);
    FOR_PARTS(ANSWER_PART, 0)
#ifdef OPERAND_INT8
    int16 most = 0;
    FOR_PARTS(MOST_PART, 0)
    const float step = step_of(most), inverse = inverse_of(step);
    steps[(first + tokens[i]) * heads + head] = step;
#endif
    FOR_PARTS(STORE_PART, 0)
  }
}
