// A whole block, x += proj(attention(qkv(norm(x)))), then x += fc2(gelu(fc1(norm(x)))), for CPUs. Everything in a block
// stays within a window, so a window's tokens pass from layer to layer in a core's own cache.
//
//   x              [images * side * side, CHANNELS] f32, in place
//   qkv            weights [panels, CHANNELS, PANEL] (pack.cl), outputs head by head: query (scaled), key, value; bias
//                  and padding [3 * CHANNELS] in that order: padding is a padded token's query, key and value
//   position_bias  [heads, TOKENS, COLUMNS], as attention.cpu.cl's expand_bias makes it
//   proj, fc1, fc2 weights in panels; biases [CHANNELS], [4 * CHANNELS], [CHANNELS]
//
// A work-item, alone in its work-group, GROUP windows, which share each panel of weights while it is in the cache
// (window.cl, swin_block.cl, tile.cl). Local memory: 12 CHANNELS + 12 HEAD_DIM bytes a token, and the attention's scratch. The hidden
// layer is made and used a quarter at a time. A row's sums have a fixed order and depend on its window alone.
//
// Measured on two cores of a Zen 4, in turn with a kernel an operation: Swin-T (its last stage layer by layer) in 45.1
// ms, not 47.1; 50.5, not 58.3, where the cores share no cache; at batch 8 there, 46.5 ms an image, not 56.5.
#define COUNT (GROUP * TOKENS)
#define PADDED ((COUNT + ROWS - 1) / ROWS * ROWS)

#define FROM_BIAS_ONE(r, v) float16 sum_##r##_##v = vload16(v, bias);
#define FROM_BIAS(r) FOR_VECTORS(FROM_BIAS_ONE, r)
#define FROM_OUT_ONE(r, v) float16 sum_##r##_##v = vload16(v, out + r * stride);
#define FROM_OUT(r) FOR_VECTORS(FROM_OUT_ONE, r)
#define STORE_ONE(r, v) vstore16(sum_##r##_##v, v, out + r * stride);
#define STORE(r) FOR_VECTORS(STORE_ONE, r)
#define STORE_GELU_ONE(r, v) vstore16(gelu(sum_##r##_##v), v, out + r * stride);
#define STORE_GELU(r) FOR_VECTORS(STORE_GELU_ONE, r)
#define ROW_POINTER(r) __local const float *in_##r = in + r * CHANNELS;

// One panel of a layer of CHANNELS inputs, for all rows.
#define LINEAR(name, START, FINISH) \
  void name(__local const float *in, __global const float *restrict w, __global const float *restrict bias, \
            __local float *out, const int stride) { \
    for (int row = 0; row < PADDED; row += ROWS) { \
      FOR_ROWS(ROW_POINTER) \
      FOR_ROWS(START) \
      for (int k = 0; k < CHANNELS; ++k) { \
        FOR_VECTORS(LOAD_W, 0) \
        FOR_ROWS(STEP) \
      } \
      FOR_ROWS(FINISH) \
      in += ROWS * CHANNELS; \
      out += ROWS * stride; \
    } \
  }
LINEAR(linear, FROM_BIAS, STORE)
LINEAR(linear_gelu, FROM_BIAS, STORE_GELU)
LINEAR(accumulate, FROM_OUT, STORE)

// The normalised row to `to`, and the next layer's bias added to the row itself.
void normalise(__local float *row, __local float *to, __global const float *restrict bias, const float eps) {
  const Moments m = moments_of(row, eps);
  for (int c = 0; c < CHANNELS; c += 16) {
    const float16 value = vload16(0, row + c);
    vstore16((value - m.mean) * m.inverse, 0, to + c);
    vstore16(value + vload16(0, bias + c), 0, row + c);
  }
}

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void swin_block(__global float *x, __global const float *restrict qkv_weight,
                         __global const float *restrict qkv_bias, __global const float *restrict padding,
                         __global const float *restrict position_bias, __global const float *restrict proj_weight,
                         __global const float *restrict proj_bias, __global const float *restrict fc1_weight,
                         __global const float *restrict fc1_bias, __global const float *restrict fc2_weight,
                         __global const float *restrict fc2_bias, const int side, const int shift, const float eps) {
  __local float residual[PADDED * CHANNELS];
  __local float normal[PADDED * CHANNELS];
  __local float inner[PADDED * CHANNELS];  // what the heads attended to, then a quarter of the hidden layer
  __local float qkv[PADDED * PACKED];
  __local float keys[HEAD_DIM * COLUMNS];
  __local float weights[QUERIES * COLUMNS];
  __local int regions[GROUP * COLUMNS];
  __local int tokens[COUNT];
  __local int masked[GROUP];

  for (int g = 0; g < GROUP; ++g) {
    masked[g] = find_tokens(get_group_id(0) * GROUP + g, side, shift, tokens + g * TOKENS, regions + g * COLUMNS);
    clear_padding(regions + g * COLUMNS, keys);
  }
  for (int i = 0; i < PADDED; ++i) {
    __local float *row = residual + i * CHANNELS;
    load_row(x, i < COUNT ? tokens[min(i, COUNT - 1)] : -1, row);
    normalise(row, normal + i * CHANNELS, proj_bias, eps);
  }

  for (int head = 0; head < CHANNELS / HEAD_DIM; ++head) {
    for (int p = 0; p < PACKED; p += PANEL) {
      const int output = head * PACKED + p;
      linear(normal, qkv_weight + output * (size_t)CHANNELS, qkv_bias + output, qkv + p, PACKED);
    }
    pad_rows(tokens, COUNT, padding + head * PACKED, qkv);
    for (int g = 0; g < GROUP; ++g)
      attend(qkv + g * TOKENS * PACKED, position_bias + head * TOKENS * COLUMNS, regions + g * COLUMNS, masked[g], keys,
             weights);
    for (int i = 0; i < PADDED; ++i)
      for (int d = 0; d < HEAD_DIM; d += 16)
        vstore16(vload16(0, qkv + i * PACKED + d), 0, inner + i * CHANNELS + head * HEAD_DIM + d);
  }
  for (int p = 0; p < CHANNELS; p += PANEL)
    accumulate(inner, proj_weight + p * (size_t)CHANNELS, proj_bias, residual + p, CHANNELS);

  for (int i = 0; i < PADDED; ++i)
    normalise(residual + i * CHANNELS, normal + i * CHANNELS, fc2_bias, eps);
  for (int hidden = 0; hidden < 4 * CHANNELS; hidden += CHANNELS) {
    for (int p = 0; p < CHANNELS; p += PANEL)
      linear_gelu(normal, fc1_weight + (hidden + p) * (size_t)CHANNELS, fc1_bias + hidden + p, inner + p, CHANNELS);
    for (int p = 0; p < CHANNELS; p += PANEL)
      accumulate(inner, fc2_weight + p * (size_t)(4 * CHANNELS) + hidden * PANEL, fc2_bias, residual + p, CHANNELS);
  }

  store_rows(residual, tokens, COUNT, x);
}
