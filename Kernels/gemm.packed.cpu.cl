// Linear layer as gemm.cl defines it, over operands of low precision, for CPUs with instructions for them.
//
//   in           [rows, words] words of 32 bits: a row's inputs, two bfloat16 (-D BF16) or four u8 (-D INT8), as
//                vector16.cl has its producer write them
//   in_steps     [rows, groups] f32, groups = inputs / GROUP (INT8)
//   w            [panels, words, PANEL] words, PANEL = 16 VECTORS; output n is column n % PANEL of panel n / PANEL
//                (pack_words.cl); four i8 for INT8
//   corrections  [panels, groups, PANEL] i32 (INT8)
//   steps, bias  [panels * PANEL] f32 (steps: INT8)
//   out          [rows, outputs] f32, or with -D OPERAND_BF16 or OPERAND_INT8 what the next layer reads, PANEL outputs
//                a group
//   out_steps    [rows, panels] f32 (OPERAND_INT8)
//
// With -D GELU an approximation that is off by less than 2.5e-4; with -D RESIDUAL, + what out held before.
//
// A work-item, alone in its work-group, a tile of ROWS rows and PANEL columns, all in registers. BF16: products are
// exact, sums f32, over pairs of inputs in order. INT8: sums over a group are exact integers, over groups f32 in order
// (-D GROUP; without it a row is one group). So a row's answer does not depend on the others. The last tile may read
// and write up to ROWS - 1 rows beyond `rows`, which the buffers have.
//
// Inline assembly, since LLVM 15's builtins abort the compiler where it does not know the processor to have them.
// Without -D ASSEMBLY the same in plain C: for oclgrind, never for speed.
#define PANEL (16 * VECTORS)
#define FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#define ROWS 7
#if VECTORS == 3
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1) X(r, 2)
#elif VECTORS == 2
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1)
#else
#define FOR_VECTORS(X, r) X(r, 0)
#endif

#ifdef INT8
#ifdef ASSEMBLY
#define DOT(sum, x, w) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
#else
#define PRODUCT(x, w, i) (((x) >> 8 * i & 255) * ((w) << (24 - 8 * i) >> 24))
#define DOT(sum, x, w) sum += PRODUCT(x, w, 0) + PRODUCT(x, w, 1) + PRODUCT(x, w, 2) + PRODUCT(x, w, 3);
#endif
#define START_ONE(r, v) int16 sum_##r##_##v = correction_##v;
#else
#ifdef ASSEMBLY
#define DOT(sum, x, w) __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
#else
#define HIGH(x) as_float16((x) & (int16)(0xffff0000))
#define LOW(x) as_float16((x) << 16)
#define DOT(sum, x, w) sum = fma(LOW(x), LOW(w), fma(HIGH(x), HIGH(w), sum));
#endif
#define START_ONE(r, v) float16 sum_##r##_##v = bias_##v;
#endif
#define START(r) FOR_VECTORS(START_ONE, r)

#define ROW_POINTER(r) __global const int *in_##r = in + (first_row + r) * words;
#define LOAD_W(r, v) const int16 w_##v = vload16(0, panel + (size_t)k * PANEL + 16 * v);
#define STEP_ONE(r, v) DOT(sum_##r##_##v, in_k_##r, w_##v)
#define STEP(r) \
  { \
    const int16 in_k_##r = (int16)(in_##r[k]); \
    FOR_VECTORS(STEP_ONE, r) \
  }
#define LOAD_BIAS(r, v) const float16 bias_##v = vload16(0, bias + first_column + 16 * v);
#define LOAD_STEP(r, v) const float16 step_##v = vload16(0, steps + first_column + 16 * v);
#define LOAD_CORRECTION(r, v) const int16 correction_##v = vload16(0, correction + g * PANEL + 16 * v);
#define START_TOTAL_ONE(r, v) float16 total_##r##_##v = 0.0f;
#define START_TOTAL(r) FOR_VECTORS(START_TOTAL_ONE, r)
#define ADD_ONE(r, v) total_##r##_##v = fma(convert_float16(sum_##r##_##v), in_step_##r, total_##r##_##v);
#define ADD(r) \
  { \
    const float16 in_step_##r = (float16)(in_steps[(first_row + r) * groups + g]); \
    FOR_VECTORS(ADD_ONE, r) \
  }

#if defined(GROUP)
#define VALUE(r, v) fma(total_##r##_##v, step_##v, bias_##v)
#elif defined(INT8)
#define VALUE(r, v) fma(convert_float16(sum_##r##_##v) * in_steps[first_row + r], step_##v, bias_##v)
#else
#define VALUE(r, v) sum_##r##_##v
#endif

#ifdef GELU
// x (1/2 + c P(c^2)), c = x within -4...4: P fits (Phi(c) - 1/2) / c and is 1/8, exactly, at 4. What is stored behind it
// has a relative precision of 2e-3 at best. A NaN passes the comparisons.
float16 gelu(const float16 x) {
  float16 c = x < -4.0f ? (float16)(-4.0f) : x;
  c = c > 4.0f ? (float16)(4.0f) : c;
  const float16 square = c * c;
  float16 y = fma(square, 2.3680717831098264e-08f, -1.6526323634025175e-06f);
  y = fma(y, square, 4.923737287754193e-05f);
  y = fma(y, square, -0.0008292017737403512f);
  y = fma(y, square, 0.008865540847182274f);
  y = fma(y, square, -0.06484665721654892f);
  y = fma(y, square, 0.39817214012145996f);
  return x * fma(c, y, 0.5f);
}
#define FINISH(x, to) gelu(x)
#elif defined(RESIDUAL)
#define FINISH(x, to) ((x) + vload16(0, to))
#else
#define FINISH(x, to) (x)
#endif

#define FINISH_ONE(r, v) const float16 value_##v = FINISH(VALUE(r, v), to + 16 * v);
#define MOST_ONE(r, v) most = max(most, magnitude_of(value_##v));
#define STORE_ONE(r, v) STORE_OPERAND(value_##v, inverse, to + 16 * v);
#ifdef OPERAND_INT8
#define FIND_STEP(r) \
  int16 most = 0; \
  FOR_VECTORS(MOST_ONE, r) \
  const float step = step_of(most), inverse = inverse_of(step); \
  out_steps[(first_row + r) * (outputs / PANEL) + get_group_id(1)] = step;
#else
#define FIND_STEP(r)
#endif
#define STORE(r) \
  { \
    __global Operand *to = out + (first_row + r) * outputs + first_column; \
    FOR_VECTORS(FINISH_ONE, r) \
    FIND_STEP(r) \
    FOR_VECTORS(STORE_ONE, r) \
  }

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void gemm(__global const int *restrict in, __global const float *restrict in_steps,
                   __global const int *restrict w, __global const int *restrict corrections,
                   __global const float *restrict steps, __global const float *restrict bias, __global Operand *out,
                   __global float *restrict out_steps, const int words, const int outputs) {
  const size_t first_row = get_group_id(0) * ROWS;
  const int first_column = get_group_id(1) * PANEL;
  __global const int *panel = w + first_column * (size_t)words;
  FOR_ROWS(ROW_POINTER)
#ifdef INT8
#ifdef GROUP
  const int groups = words / (GROUP / 4);
  __global const int *correction = corrections + first_column * (size_t)groups;
  FOR_ROWS(START_TOTAL)
  for (int g = 0; g < groups; ++g) {
    FOR_VECTORS(LOAD_CORRECTION, 0)
    FOR_ROWS(START)
    for (int k = g * (GROUP / 4); k < (g + 1) * (GROUP / 4); ++k) {
      FOR_VECTORS(LOAD_W, 0)
      FOR_ROWS(STEP)
    }
    FOR_ROWS(ADD)
  }
#else
  const int g = 0;
  __global const int *correction = corrections + first_column;
  FOR_VECTORS(LOAD_CORRECTION, 0)
  FOR_ROWS(START)
  for (int k = 0; k < words; ++k) {
    FOR_VECTORS(LOAD_W, 0)
    FOR_ROWS(STEP)
  }
#endif
  FOR_VECTORS(LOAD_STEP, 0)
  FOR_VECTORS(LOAD_BIAS, 0)
#else
  FOR_VECTORS(LOAD_BIAS, 0)
  FOR_ROWS(START)
  for (int k = 0; k < words; ++k) {
    FOR_VECTORS(LOAD_W, 0)
    FOR_ROWS(STEP)
  }
#endif
  FOR_ROWS(STORE)
}
