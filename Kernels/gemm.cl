// Linear layer: out[m][n] = sum over k of in[m][k] * w[k][n], + bias[n], then, with -D GELU, the exact GELU, then,
// with -D RESIDUAL, + what out[m][n] held before.
//
//   in    [rows, inputs] f32
//   w     [panels, inputs, PANEL] f32, PANEL = 4 T: output n is column n % PANEL of panel n / PANEL (pack.cl makes it)
//   bias  [panels * PANEL] f32
//   out   [rows, outputs] f32
//
// Portable variant: a work-group of T x T work-items (T = 16, 8, 4, 2 or 1, by the device's limit) makes a tile of
// 4T x 4T, each work-item 4 x 4 of it, T apart. Local memory: 32 K_TILE T bytes = 8 KiB at most. A sum runs over k in
// order, so that a row's answer depends neither on the other rows nor on T.
#ifndef T
#define T 16
#endif
#define K_TILE 16
#define PANEL (4 * T)

__attribute__((reqd_work_group_size(T, T, 1)))
__kernel void gemm(__global const float *in, __global const float *restrict w, __global const float *restrict bias,
                   __global float *out, const int rows, const int inputs, const int outputs) {
  __local float in_tile[K_TILE][PANEL];
  __local float w_tile[K_TILE][PANEL];
  const int column = get_local_id(0);
  const int row = get_local_id(1);
  const int lane = row * T + column;
  const int first_row = get_group_id(1) * PANEL;
  __global const float *panel = w + get_group_id(0) * (size_t)inputs * PANEL;

  float sum[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) sum[i][j] = 0.0f;

  for (int k0 = 0; k0 < inputs; k0 += K_TILE) {
    for (int i = lane; i < K_TILE * PANEL; i += T * T) {
      const int m = first_row + i / K_TILE;
      const int k = k0 + i % K_TILE;
      in_tile[i % K_TILE][i / K_TILE] = m < rows && k < inputs ? in[m * (size_t)inputs + k] : 0.0f;
      w_tile[i / PANEL][i % PANEL] = k0 + i / PANEL < inputs ? panel[(size_t)k0 * PANEL + i] : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < K_TILE; ++k)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j)
          sum[i][j] = fma(in_tile[k][row + T * i], w_tile[k][column + T * j], sum[i][j]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }

  for (int i = 0; i < 4; ++i) {
    const int m = first_row + row + T * i;
    for (int j = 0; j < 4; ++j) {
      const int n = get_group_id(0) * PANEL + column + T * j;
      if (m >= rows || n >= outputs) continue;
      float value = sum[i][j] + bias[n];
#ifdef GELU
      value = 0.5f * value * (1.0f + erf(value * M_SQRT1_2_F));
#endif
#ifdef RESIDUAL
      value += out[m * (size_t)outputs + n];
#endif
      out[m * (size_t)outputs + n] = value;
    }
  }
}
