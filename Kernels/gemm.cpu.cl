#define ROWS 7
#ifndef VECTORS
#define VECTORS 3
#endif
#define PANEL (16 * VECTORS)
#define FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
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
#define ROW_POINTER(r) __global const float *in_##r = in + (first_row + r) * in_stride;
#define LOAD_W(r, v) const float16 w_##v = vload16(0, panel + (size_t)k * PANEL + 16 * v);
#define STEP_ONE(r, v) sum_##r##_##v = fma(in_k_##r, w_##v, sum_##r##_##v);
#define STEP(r) { const float16 in_k_##r = (float16)(in_##r[k]); FOR_VECTORS(STEP_ONE, r) }

#ifdef GELU
float16 gelu(const float16 x) {
  return 0.5f * x * (1.0f + erf(x * M_SQRT1_2_F));
}
#define FINISH(x, p) gelu(x)
#elif defined(RESIDUAL)
#define FINISH(x, p) ((x) + vload16(0, p))
#else
#define FINISH(x, p) (x)
#endif
#define STORE_ONE(r, v) vstore16(FINISH(sum_##r##_##v, to + r * out_stride + 16 * v), 0, to + r * out_stride + 16 * v);
#define STORE(r) FOR_VECTORS(STORE_ONE, r)

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void gemm(__global const float *in, __global const float *restrict w, __global const float *restrict bias,
                   __global float *out, const int rows, const int inputs, const int outputs, const long in_stride, const long out_stride) {
#ifdef NFAST
  const int first_column = get_group_id(0) * PANEL;
  const long first_row = get_group_id(1) * ROWS;
#else
  const int first_column = get_group_id(1) * PANEL;
  const long first_row = get_group_id(0) * ROWS;
#endif
  __global const float *panel = w + (size_t)first_column * inputs;
  FOR_VECTORS(LOAD_BIAS, 0)
  FOR_ROWS(ROW_POINTER)
  FOR_ROWS(START)
#pragma unroll 2
  for (int k = 0; k < inputs; ++k) {
    FOR_VECTORS(LOAD_W, 0)
    FOR_ROWS(STEP)
  }
  __global float *to = out + first_row * out_stride + first_column;
  FOR_ROWS(STORE)
}
