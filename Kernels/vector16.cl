// What the CPU variants share: it goes in front of them.

// 2^x for -126 < x < 126, NaN for NaN. The nearest integer, found by a large addend, becomes the exponent; a polynomial
// (relative error 8e-8) does the rest.
float16 power_of_two(const float16 x) {
  const float16 shifted = x + 12582912.0f;
  const float16 part = x - (shifted - 12582912.0f);
  float16 y = fma(part, 0.0013276472454890609f, 0.009675541892647743f);
  y = fma(y, part, 0.05550713092088699f);
  y = fma(y, part, 0.24022120237350464f);
  y = fma(y, part, 0.6931469440460205f);
  y = fma(y, part, 1.0f);
  return y * as_float16((as_int16(shifted) << 23) + 0x3f800000);
}

// The sum and the largest of 16 values, in a fixed order.
float sum_of(const float16 x) {
  const float8 a = x.lo + x.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
}

float largest_of(const float16 x) {
  const float8 a = x.lo > x.hi ? x.lo : x.hi;
  const float4 b = a.lo > a.hi ? a.lo : a.hi;
  const float2 c = b.lo > b.hi ? b.lo : b.hi;
  return c.x > c.y ? c.x : c.y;
}

// Bits of the vectors that the compiler makes code for: AVX-512, AVX, or what every x86-64 and ARM has.
__kernel void vector_bits(__global int *bits) {
#if defined(__AVX512F__)
  bits[0] = 512;
#elif defined(__AVX__)
  bits[0] = 256;
#else
  bits[0] = 128;
#endif
}
