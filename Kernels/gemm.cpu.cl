// Linear layer as gemm.cl defines it, for CPUs.
//
//   in    [rows, inputs] f32
//   w     [panels, inputs, PANEL] f32, PANEL = 16 VECTORS: output n is column n % PANEL of panel n / PANEL (pack.cl)
//   bias  [panels * PANEL] f32
//   out   [rows, outputs] f32; -D RAGGED where PANEL does not divide outputs
//
// A work-item, alone in its work-group, a tile of ROWS rows and PANEL columns, all in registers: each step loads
// VECTORS x 16 weights and multiplies them by one value of each row. Neighbouring work-groups share a panel, which
// stays in the cache. A sum runs over the inputs in order, so that a row's answer does not depend on the others. The
// last tile may read and write up to ROWS - 1 rows beyond `rows`, which the buffers have.
//
// AVX-512 has 32 registers: 7 x 48 (VECTORS = 3; 7 divides all of Swin's maps with window 7) keeps 21 sums and runs at
// 225-231 GFLOP/s on two cores that peak at 233. AVX2 has 16 of half the width: ROWS = 6, VECTORS = 1.
//
// Measured on two cores of a Zen 4: all 51 layers of Swin-T at batch 1 in 40 ms; 3136 x 96 -> 288 in 0.79, where
// gemm.cl takes 30.
#ifndef ROWS
#define ROWS 7
#endif
#ifndef VECTORS
#define VECTORS 3
#endif
#define PANEL (16 * VECTORS)
#if ROWS == 7
#define FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#endif
#if VECTORS == 3
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1) X(r, 2)
#elif VECTORS == 2
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1)
#else
#define FOR_VECTORS(X, r) X(r, 0)
#endif

#define LOAD_BIAS(r, v) const float16 bias_##v = vload16(0, bias + first_column + 16 * v);
#define START_ONE(r, v) float16 sum_##r##_##v = bias_##v;
#define START(r) FOR_VECTORS(START_ONE, r)
#define ROW_POINTER(r) __global const float *in_##r = in + (first_row + r) * inputs;
#define LOAD_W(r, v) const float16 w_##v = vload16(0, panel + (size_t)k * PANEL + 16 * v);
#define STEP_ONE(r, v) sum_##r##_##v = fma(in_k_##r, w_##v, sum_##r##_##v);
#define STEP(r) \
  { \
    const float16 in_k_##r = (float16)(in_##r[k]); \
    FOR_VECTORS(STEP_ONE, r) \
  }

#ifdef GELU
// x > 0 ? x : 0, less |x| (1 - Phi(|x|)), whose logarithm to base 2 is smooth: a polynomial up to 6, beyond which the
// product is below 6e-9. Error below 8e-8 or half a unit of the last place.
float16 gelu(const float16 x) {
  const float16 magnitude = fabs(x);
  const float16 a = magnitude < 6.0f ? magnitude : (float16)(6.0f);
  float16 y = fma(a, -1.6904024278119323e-06f, 2.5083318178076297e-05f);
  y = fma(y, a, -0.00011446275311755016f);
  y = fma(y, a, -0.0003233418974559754f);
  y = fma(y, a, 0.007333383895456791f);
  y = fma(y, a, -0.05271419882774353f);
  y = fma(y, a, -0.4591154456138611f);
  y = fma(y, a, -1.151123285293579f);
  y = fma(y, a, -0.9999988675117493f);
  // Not fmax, which would hide a NaN.
  const float16 positive = select(x, (float16)(0.0f), x < 0.0f);
  return fma(-a, power_of_two(y), positive);
}
#define FINISH(x, p) gelu(x)
#elif defined(RESIDUAL)
#define FINISH(x, p) ((x) + vload16(0, p))
#else
#define FINISH(x, p) (x)
#endif

void store(const float16 sum, __global float *to, const int room) {
#ifdef RAGGED
  if (room < 16) {
    float values[16];
    for (int i = 0; i < 16; ++i) values[i] = i < room ? to[i] : 0.0f;
    vstore16(FINISH(sum, values), 0, values);
    for (int i = 0; i < room; ++i) to[i] = values[i];
    return;
  }
#endif
  vstore16(FINISH(sum, to), 0, to);
}
#define STORE_ONE(r, v) \
  store(sum_##r##_##v, out + (first_row + r) * outputs + first_column + 16 * v, outputs - first_column - 16 * v);
#define STORE(r) FOR_VECTORS(STORE_ONE, r)

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void gemm(__global const float *in, __global const float *restrict w, __global const float *restrict bias,
                   __global float *out, const int inputs, const int outputs) {
  const size_t first_row = get_group_id(0) * ROWS;
  const int first_column = get_group_id(1) * PANEL;
  __global const float *panel = w + first_column * (size_t)inputs;
  FOR_VECTORS(LOAD_BIAS, 0)
  FOR_ROWS(ROW_POINTER)
  FOR_ROWS(START)
  for (int k = 0; k < inputs; ++k) {
    FOR_VECTORS(LOAD_W, 0)
    FOR_ROWS(STEP)
  }
  FOR_ROWS(STORE)
}
