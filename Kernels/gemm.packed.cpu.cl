// Linear layer as gemm.cl defines it, over operands of low precision, for CPUs with instructions for them.
//
//   in           [rows, words] words (packed_tile.cl)
//   in_steps     [rows, groups] f32, groups = inputs / GROUP (INT8)
//   w            [panels, words, PANEL] words; output n is column n % PANEL of panel n / PANEL
//   corrections  [panels, groups, PANEL] i32 (INT8)
//   w_steps      [panels * PANEL] f32 (INT8), and so the biases
//   out          [rows, outputs] f32, or with -D OPERAND_BF16 or OPERAND_INT8 what the next layer reads, PANEL outputs
//                a group
//   out_steps    [rows, panels] f32 (OPERAND_INT8)
//
// With -D GELU an approximation of it; with -D RESIDUAL, + what out held before. Without -D GROUP a row is one group.
//
// A work-item, alone in its work-group, ROWS rows of PANELS panels (-D PANELS). The last may read and write up to
// ROWS - 1 rows beyond `rows`, which the buffers have.
//
// Measured on two cores of a Zen 4, whose peaks are 466 GFLOP/s in bf16 and 935 GOP/s in int8: the 51 layers behind the
// patch embedding in 20.3 and 12.2 ms within Swin-T at batch 1 (430 and 715 a second), where gemm.cpu.cl takes 38.
// Several panels a work-item, where rows are many: 0.97 of the time of one, for int8.
#ifdef GELU
#define FINISH(x, to) gelu(x)
#elif defined(RESIDUAL)
#define FINISH(x, to) ((x) + vload16(0, to))
#else
#define FINISH(x, to) (x)
#endif

#ifdef GROUP
#define ANY_VALUE VALUE_OF_GROUPS
#else
#define ANY_VALUE VALUE
#endif

#define ROW_POINTER(r) \
  __global const int *in_##r = in + (first_row + r) * words; \
  __global const float *in_steps_##r = in_steps + (first_row + r) * groups;
#define FINISH_ONE(r, v) const float16 value_##v = FINISH(ANY_VALUE(r, v), to + 16 * v);
#define MOST_ONE(r, v) most = max(most, magnitude_of(value_##v));
#define STORE_ONE(r, v) STORE_OPERAND(value_##v, inverse, to + 16 * v);
#ifdef OPERAND_INT8
#define FIND_STEP(r) \
  int16 most = 0; \
  FOR_VECTORS(MOST_ONE, r) \
  const float step = step_of(most), inverse = inverse_of(step); \
  out_steps[(first_row + r) * (outputs / PANEL) + p] = step;
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
                   __global const float *restrict w_steps, __global const float *restrict biases,
                   __global Operand *out, __global float *restrict out_steps, const int words, const int outputs) {
  const size_t first_row = get_group_id(1) * ROWS;
#ifdef GROUP
  const int groups = words / (GROUP / 4);
#else
  const int groups = 1;
#endif
  FOR_ROWS(ROW_POINTER)
  for (int p = get_group_id(0) * PANELS; p < (int)(get_group_id(0) + 1) * PANELS; ++p) {
    const int first_column = p * PANEL;
    __global const int *panel = w + first_column * (size_t)words;
    __global const float *bias = biases + first_column;
#ifdef INT8
    __global const int *correction = corrections + first_column * (size_t)groups;
    __global const float *steps = w_steps + first_column;
#endif
#ifdef GROUP
    ADD_GROUPS(groups, GROUP / 4)
    FOR_VECTORS(LOAD_STEP, 0)
    FOR_VECTORS(LOAD_BIAS, 0)
#elif defined(INT8)
    FOR_VECTORS(LOAD_CORRECTION, 0)
    ADD_WORDS(0, words)
    FOR_VECTORS(LOAD_STEP, 0)
    FOR_VECTORS(LOAD_BIAS, 0)
#else
    FOR_VECTORS(LOAD_BIAS, 0)
    ADD_WORDS(0, words)
#endif
    FOR_ROWS(STORE)
  }
}
