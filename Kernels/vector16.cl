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

// How a kernel writes the rows [rows, width] that a linear layer of low precision reads:
//
//   -D OPERAND_BF16  ushort: bfloat16, to the nearest, ties to even, denormals to 0
//   -D OPERAND_INT8  uchar: 128 + the nearest whole number of steps, and for each group of a row its step, f32: the
//                    127th part of the largest magnitude (round.cl). The step of a group with a NaN is NaN.
//   neither          float
//
// -D ASSEMBLY: the compiler's assembler and the processor know the instructions for the format.
#if defined(OPERAND_BF16)
typedef ushort Operand;
#define STORE_OPERAND(x, inverse, to) *(__global ushort16 *)(to) = bf16_of(x)
#elif defined(OPERAND_INT8)
typedef uchar Operand;
#define STORE_OPERAND(x, inverse, to) *(__global uchar16 *)(to) = steps_of(x, inverse)
#else
typedef float Operand;
#define STORE_OPERAND(x, inverse, to) vstore16(x, 0, to)
#endif

#ifdef OPERAND_BF16
ushort16 bf16_of(const float16 x) {
#ifdef ASSEMBLY
  ushort16 result;
  __asm__("vcvtneps2bf16 %1, %0" : "=v"(result) : "v"(x));
  return result;
#else
  const uint16 bits = as_uint16(x);
  const uint16 rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  const uint16 normal = (bits & 0x7f800000) == 0 ? bits >> 16 & 0x8000 : rounded;
  return convert_ushort16((bits & 0x7fffffff) > 0x7f800000 ? (uint16)(0x7fc0) : normal);
#endif
}
#endif

#ifdef OPERAND_INT8
// As integers, magnitudes compare as they are, and a NaN is the largest.
int16 magnitude_of(const float16 x) { return as_int16(x) & 0x7fffffff; }

float step_of(const int16 magnitudes) {
  const int8 a = max(magnitudes.lo, magnitudes.hi);
  const int4 b = max(a.lo, a.hi);
  const int2 c = max(b.lo, b.hi);
  return as_float(max(max(c.x, c.y), as_int(1e-30f))) * (1.0f / 127.0f);
}

float inverse_of(const float step) {
  const float near = 1.0f / step;
  return fma(fma(-step, near, 1.0f), near, near);
}

uchar16 steps_of(const float16 x, const float inverse) {
  // 3 * 2^22 leaves the nearest integer in the last bits.
  return convert_uchar16(as_int16(fma(x, (float16)(inverse), 12582912.0f)) + 128);
}
#endif
