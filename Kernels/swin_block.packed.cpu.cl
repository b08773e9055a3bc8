// A whole block as swin_block.cpu.cl defines it, over operands of low precision, for CPUs with instructions for them.
//
//   x                           [images * side * side, CHANNELS] f32, in place
//   position_bias               [heads, TOKENS, COLUMNS], as attention.cpu.cl's expand_bias makes it
//   padding                     [3 * CHANNELS] f32: a padded token's query, key and value, head by head
//   qkv, proj, fc1, fc2         words [panels, words, PANEL], corrections [panels, groups, PANEL], steps and biases
//                               [outputs] of a layer each (packed_tile.cl); outputs of qkv head by head: query
//                               (scaled), key, value
//
// A work-item, alone in its work-group, a window (window.cl, swin_block.cl). Local memory a token: 16 CHANNELS bytes in bf16 and 10 in
// int8, and 12 HEAD_DIM. Rows behind a LayerNorm are one group, heads a group each, the hidden layer's panels, too. A
// row's sums have a fixed order and depend on its window alone.
//
// Measured on two cores of a Zen 4, in turn, Swin-T at batch 1 with the last stage's blocks and all else in kernels of
// their own: 16.8 ms in int8 and 25.1 in bf16, where a kernel an operation takes 18.2 and 26.4.
#ifdef INT8
#define PER_WORD 4
#define STORE_LOCAL(x, inverse, to) *(__local uchar16 *)(to) = steps_of(x, inverse)
#else
#define PER_WORD 2
#define STORE_LOCAL(x, inverse, to) *(__local ushort16 *)(to) = bf16_of(x)
#endif
#define PADDED ((TOKENS + ROWS - 1) / ROWS * ROWS)
#define HEADS (CHANNELS / HEAD_DIM)
#define WORDS (CHANNELS / PER_WORD)
#define HIDDEN_PANELS (4 * CHANNELS / PANEL)

#define ROW_POINTER(r) \
  __local const int *in_##r = in + (row + r) * WORDS; \
  __local const float *in_steps_##r = in_steps + row + r;
#ifdef INT8
#define LOAD_LAYER \
  FOR_VECTORS(LOAD_BIAS, 0) \
  FOR_VECTORS(LOAD_STEP, 0) \
  FOR_VECTORS(LOAD_CORRECTION, 0)
#else
#define LOAD_LAYER FOR_VECTORS(LOAD_BIAS, 0)
#endif

// One panel of queries, keys and values, for all rows.
#define PLAIN_ONE(r, v) vstore16(VALUE(r, v), v, out + (row + r) * PACKED);
#define PLAIN(r) FOR_VECTORS(PLAIN_ONE, r)
void linear(__local const int *in, __local const float *in_steps, __global const int *restrict panel,
            __global const int *restrict correction, __global const float *restrict steps,
            __global const float *restrict bias, __local float *out) {
  LOAD_LAYER
  for (int row = 0; row < PADDED; row += ROWS) {
    FOR_ROWS(ROW_POINTER)
    ADD_WORDS(0, WORDS)
    FOR_ROWS(PLAIN)
  }
}

// One panel of the hidden layer, as the next layer reads it.
#define GELU_ONE(r, v) const float16 value_##v = gelu(VALUE(r, v));
#define MOST_ONE(r, v) most = max(most, magnitude_of(value_##v));
#define GELU_STORE_ONE(r, v) STORE_LOCAL(value_##v, inverse, to + 16 * v);
#ifdef INT8
#define FIND_STEP(r) \
  int16 most = 0; \
  FOR_VECTORS(MOST_ONE, r) \
  const float step = step_of(most), inverse = inverse_of(step); \
  out_steps[(row + r) * HIDDEN_PANELS] = step;
#else
#define FIND_STEP(r)
#endif
#define GELU_STORE(r) \
  { \
    __local Operand *to = out + (row + r) * 4 * CHANNELS; \
    FOR_VECTORS(GELU_ONE, r) \
    FIND_STEP(r) \
    FOR_VECTORS(GELU_STORE_ONE, r) \
  }
void linear_gelu(__local const int *in, __local const float *in_steps, __global const int *restrict panel,
                 __global const int *restrict correction, __global const float *restrict steps,
                 __global const float *restrict bias, __local Operand *out, __local float *out_steps) {
  LOAD_LAYER
  for (int row = 0; row < PADDED; row += ROWS) {
    FOR_ROWS(ROW_POINTER)
    ADD_WORDS(0, WORDS)
    FOR_ROWS(GELU_STORE)
  }
}

// One panel of a layer over rows of `groups` groups of `group` words, added to out.
#define LONG_ROW_POINTER(r) \
  __local const int *in_##r = in + (row + r) * groups * group; \
  __local const float *in_steps_##r = in_steps + (row + r) * groups;
#define ACCUMULATE_ONE(r, v) \
  vstore16(VALUE_OF_GROUPS(r, v) + vload16(v, out + (row + r) * CHANNELS), v, out + (row + r) * CHANNELS);
#define ACCUMULATE(r) FOR_VECTORS(ACCUMULATE_ONE, r)
void accumulate(__local const int *in, __local const float *in_steps, const int groups, const int group,
                __global const int *restrict panel, __global const int *restrict corrections,
                __global const float *restrict steps, __global const float *restrict bias, __local float *out) {
  FOR_VECTORS(LOAD_BIAS, 0)
#ifdef INT8
  FOR_VECTORS(LOAD_STEP, 0)
#endif
  for (int row = 0; row < PADDED; row += ROWS) {
    FOR_ROWS(LONG_ROW_POINTER)
#ifdef INT8
    __global const int *correction = corrections;
    ADD_GROUPS(groups, group)
#else
    ADD_WORDS(0, groups * group)
#endif
    FOR_ROWS(ACCUMULATE)
  }
}

void normalise(__local const float *row, __local Operand *to, __local float *steps, const float eps) {
  const Moments m = moments_of(row, eps);
#ifdef INT8
  int16 most = 0;
  for (int c = 0; c < CHANNELS; c += 16) most = max(most, magnitude_of((vload16(0, row + c) - m.mean) * m.inverse));
  const float step = step_of(most), inverse_step = inverse_of(step);
  *steps = step;
#endif
  for (int c = 0; c < CHANNELS; c += 16) STORE_LOCAL((vload16(0, row + c) - m.mean) * m.inverse, inverse_step, to + c);
}

// A layer's arguments.
#define LAYER(name) \
  __global const int *restrict name##_words, __global const int *restrict name##_corrections, \
      __global const float *restrict name##_steps, __global const float *restrict name##_bias
// Those of the panel that begins at output n, its rows of `words` words in `groups` groups.
#ifdef INT8
#define AT(name, n, words, groups) \
  name##_words + (n) * (size_t)(words), name##_corrections + (n) * (groups), name##_steps + (n), name##_bias + (n)
#else
#define AT(name, n, words, groups) \
  name##_words + (n) * (size_t)(words), name##_corrections, name##_steps, name##_bias + (n)
#endif

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void swin_block(__global float *x, __global const float *restrict position_bias,
                         __global const float *restrict padding, LAYER(qkv), LAYER(proj), LAYER(fc1), LAYER(fc2),
                         const int side, const int shift, const float eps) {
  __local float residual[PADDED * CHANNELS];
  __local int normal[PADDED * WORDS] __attribute__((aligned(64)));
  __local int inner[PADDED * WORDS] __attribute__((aligned(64)));
  __local int hidden[PADDED * 4 * WORDS] __attribute__((aligned(64)));
  __local float normal_steps[PADDED];
  __local float inner_steps[PADDED * HEADS];
  __local float hidden_steps[PADDED * HIDDEN_PANELS];
  __local float qkv[PADDED * PACKED];
  __local float keys[HEAD_DIM * COLUMNS];
  __local float weights[QUERIES * COLUMNS];
  __local int regions[COLUMNS];
  __local int tokens[TOKENS];

  const bool masked = find_tokens(get_group_id(0), side, shift, tokens, regions);
  clear_padding(regions, keys);
  for (int i = 0; i < PADDED; ++i) {
    __local float *row = residual + i * CHANNELS;
    load_row(x, i < TOKENS ? tokens[min(i, TOKENS - 1)] : -1, row);
    normalise(row, (__local Operand *)normal + i * CHANNELS, normal_steps + i, eps);
  }

  for (int head = 0; head < HEADS; ++head) {
    for (int p = 0; p < PACKED; p += PANEL)
      linear(normal, normal_steps, AT(qkv, head * PACKED + p, WORDS, 1), qkv + p);
    pad_rows(tokens, TOKENS, padding + head * PACKED, qkv);
    attend(qkv, position_bias + head * TOKENS * COLUMNS, regions, masked, keys, weights);
    for (int i = 0; i < PADDED; ++i) {
      __local const float *row = qkv + i * PACKED;
      __local Operand *to = (__local Operand *)inner + i * CHANNELS + head * HEAD_DIM;
#ifdef INT8
      int16 most = 0;
      for (int d = 0; d < HEAD_DIM; d += 16) most = max(most, magnitude_of(vload16(0, row + d)));
      const float step = step_of(most), inverse = inverse_of(step);
      inner_steps[i * HEADS + head] = step;
#endif
      for (int d = 0; d < HEAD_DIM; d += 16) STORE_LOCAL(vload16(0, row + d), inverse, to + d);
    }
  }
  for (int p = 0; p < CHANNELS; p += PANEL)
    accumulate(inner, inner_steps, HEADS, HEAD_DIM / PER_WORD, AT(proj, p, WORDS, HEADS), residual + p);

  for (int i = 0; i < PADDED; ++i)
    normalise(residual + i * CHANNELS, (__local Operand *)normal + i * CHANNELS, normal_steps + i, eps);
  for (int p = 0; p < HIDDEN_PANELS; ++p)
    linear_gelu(normal, normal_steps, AT(fc1, p * PANEL, WORDS, 1), (__local Operand *)hidden + p * PANEL,
                hidden_steps + p);
  for (int p = 0; p < CHANNELS; p += PANEL)
    accumulate(hidden, hidden_steps, HIDDEN_PANELS, PANEL / PER_WORD, AT(fc2, p, 4 * WORDS, HIDDEN_PANELS),
               residual + p);

  store_rows(residual, tokens, TOKENS, x);
}
