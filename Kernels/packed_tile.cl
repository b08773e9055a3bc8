// What the linear layers over operands of low precision share: a tile of ROWS rows and PANEL = 16 VECTORS outputs, all
// in registers. It goes behind vector16.cl and tile_shape.cl; -D BF16 or -D INT8.
//
//   in           words of 32 bits: a row's inputs, two bfloat16 or four u8, as vector16.cl writes them
//   panel        [words, PANEL] words of weights, four i8 for INT8 (pack_words.cl)
//   correction   [groups, PANEL] i32 (INT8)
//   steps, bias  [PANEL] f32 (steps: INT8)
//
// BF16: products are exact, sums f32, over pairs of inputs in order. INT8: sums over a group are exact integers, over
// groups f32 in order. So a row's answer does not depend on the others.
//
// Inline assembly, since LLVM 15's builtins abort the compiler where it does not know the processor to have them.
// Without -D ASSEMBLY the same in plain C: for oclgrind, never for speed.
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

#define LOAD_BIAS(r, v) const float16 bias_##v = vload16(v, bias);
#define LOAD_STEP(r, v) const float16 step_##v = vload16(v, steps);
#define LOAD_CORRECTION(r, v) const int16 correction_##v = vload16(v, correction);

// The sums over words first...end of the rows at in_0, in_1 ... in sum_0_0, sum_0_1 ...
#define LOAD_W(r, v) const int16 w_##v = vload16(v, panel + k * PANEL);
#define STEP_ONE(r, v) DOT(sum_##r##_##v, in_k_##r, w_##v)
#define STEP(r) \
  { \
    const int16 in_k_##r = (int16)(in_##r[k]); \
    FOR_VECTORS(STEP_ONE, r) \
  }
#define ADD_WORDS(first, end) \
  FOR_ROWS(START) \
  for (int k = first; k < (end); ++k) { \
    FOR_VECTORS(LOAD_W, 0) \
    FOR_ROWS(STEP) \
  }

// Rows of several groups of `group` words each, whose steps are at in_steps_0, in_steps_1 ...: total_0_0 ...
#define START_TOTAL_ONE(r, v) float16 total_##r##_##v = 0.0f;
#define START_TOTAL(r) FOR_VECTORS(START_TOTAL_ONE, r)
#define ADD_ONE(r, v) total_##r##_##v = fma(convert_float16(sum_##r##_##v), in_step_##r, total_##r##_##v);
#define ADD(r) \
  { \
    const float16 in_step_##r = (float16)(in_steps_##r[g]); \
    FOR_VECTORS(ADD_ONE, r) \
  }
#define ADD_GROUPS(groups, group) \
  FOR_ROWS(START_TOTAL) \
  for (int g = 0; g < (groups); ++g, correction += PANEL) { \
    FOR_VECTORS(LOAD_CORRECTION, 0) \
    ADD_WORDS(g * (group), (g + 1) * (group)) \
    FOR_ROWS(ADD) \
  }

// A sum's value, of rows of one group and of several.
#ifdef INT8
#define VALUE(r, v) fma(convert_float16(sum_##r##_##v) * in_steps_##r[0], step_##v, bias_##v)
#define VALUE_OF_GROUPS(r, v) fma(total_##r##_##v, step_##v, bias_##v)
#else
#define VALUE(r, v) sum_##r##_##v
#define VALUE_OF_GROUPS(r, v) sum_##r##_##v
#endif

// x (1/2 + c P(c^2)), c = x within -4...4: P fits (Phi(c) - 1/2) / c and is 1/8, exactly, at 4. Off by less than 2.5e-4,
// where what is stored behind it has a relative precision of 2e-3 at best. A NaN passes the comparisons.
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
