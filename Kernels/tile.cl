// What the linear layers of a CPU share: a tile of ROWS rows and 16 VECTORS outputs, all in registers. It goes behind
// vector16.cl and tile_shape.cl.
//
// Each step loads VECTORS x 16 weights of a panel and multiplies them by one value of each row. A sum runs over the
// inputs in order, so that a row's answer does not depend on the others.
//
// AVX-512 has 32 registers: 7 x 48 (VECTORS = 3; 7 divides all of Swin's maps with window 7) keeps 21 sums and runs at
// 225-231 GFLOP/s on two cores that peak at 233. AVX2 has 16 of half the width: ROWS = 6, VECTORS = 1.
// One step: weights of the panel at w, values of the rows at in_0, in_1 ..., sums in sum_0_0, sum_0_1 ...
#define LOAD_W(r, v) const float16 w_##v = vload16(v, w + (size_t)k * PANEL);
#define STEP_ONE(r, v) sum_##r##_##v = fma(in_k_##r, w_##v, sum_##r##_##v);
#define STEP(r) \
  { \
    const float16 in_k_##r = (float16)(in_##r[k]); \
    FOR_VECTORS(STEP_ONE, r) \
  }

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
