// What a device reaches at most, for the other kernels to be held against: multiply-adds that wait for nothing, and
// memory read or copied from end to end.
//
// On a CPU (-D CPU) a work-item is alone in its work-group, takes 16 values at once and a contiguous BLOCK of them; on
// other devices neighbouring work-items take neighbouring values. The number of a work-item is that of FlatKernel.
//
// -D BF16 and -D INT8 are for processors with the instructions that gemm.packed.cpu.cl uses.
//
// Measured on two cores of a Zen 4: 233 GFLOP/s, which is 32 operations a cycle on each at 3.65 GHz; 46 GB/s read and
// written by copies, 30-32 GB/s read.
#ifdef CPU
typedef float16 real;
#else
typedef float4 real;
#endif
#ifndef BLOCK
#define BLOCK 1
#endif
// Where the compiler can, copies go past the cache, or the old contents would be read first.
#if defined(CPU) && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define STORE(value, p) __builtin_nontemporal_store(value, p)
#endif
#endif
#ifndef STORE
#define STORE(value, p) *(p) = value
#endif

// Sums in registers at once: enough to fill the pipelines, few enough for AVX2's 16 registers of half a float16.
#ifndef CHAINS
#define CHAINS 12
#endif
#if CHAINS == 12
#define FOR_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#else
#define FOR_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#endif
#define START(i) chain x##i = (chain)(i);
#define STEP(i) x##i = fma(x##i, factor, term);
#define ADD(i) sum += TO_REAL(x##i);
#ifdef INT8
typedef int16 chain;
#define TO_REAL(x) convert_float16(x)
#define DOT(i) __asm__("vpdpbusd %1, %1, %0" : "+v"(x##i) : "v"(ones));
#define ONES 0x01010101
#else
typedef real chain;
#define TO_REAL(x) (x)
#define DOT(i) __asm__("vdpbf16ps %1, %1, %0" : "+v"(x##i) : "v"(ones));
#define ONES 0x3f803f80
#endif

#if defined(BF16) || defined(INT8)
// The same with the instructions of gemm.packed.cpu.cl: a chain's values get 2 (BF16) or 4 (INT8) products of one by
// one at each step.
__kernel void multiply_add(__global real *out, const float a, const float b, const int steps, const ulong count) {
  const ulong item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= count) return;
  const int16 ones = (int16)(ONES);
  FOR_CHAINS(START)
  for (int k = 0; k < steps; ++k) { FOR_CHAINS(DOT) }
#else
// out[item] = the sum over the chains i of what is left of i after `steps` times x = a x + b.
__kernel void multiply_add(__global real *out, const float a, const float b, const int steps, const ulong count) {
  const ulong item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= count) return;
  const real factor = (real)(a);
  const real term = (real)(b);
  FOR_CHAINS(START)
  for (int k = 0; k < steps; ++k) { FOR_CHAINS(STEP) }
#endif
  real sum = (real)(0.0f);
  FOR_CHAINS(ADD)
  out[item] = sum;
}

// to = from, BLOCK values of `real` an item.
__kernel void copy(__global const real *restrict from, __global real *restrict to, const ulong count) {
  const ulong item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= count) return;
  for (int k = 0; k < BLOCK; ++k) {
    const real value = from[item * BLOCK + k];
    STORE(value, to + item * BLOCK + k);
  }
}

// out[item] = the sum of the item's BLOCK values.
__kernel void read(__global const real *restrict from, __global real *out, const ulong count) {
  const ulong item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= count) return;
  real sum = (real)(0.0f);
  for (int k = 0; k < BLOCK; ++k) sum += from[item * BLOCK + k];
  out[item] = sum;
}
