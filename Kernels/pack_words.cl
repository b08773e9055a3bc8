// Weights [outputs, inputs], with everything folded in (fold_weight of pack.cl), into the 32-bit words that
// gemm.packed.cpu.cl reads: two bfloat16 or four 8-bit integers of neighbouring inputs, the first in the lowest bits.
//
//   weight       [outputs, inputs] f32; for bf16 already rounded (round.cl)
//   panels       [panels, inputs / 2 or 4, width] words: output n is column n % width of panel n / width
//   steps        [outputs] f32: the 127th part of an output's largest weight
//   corrections  [panels, inputs / group, width] i32: -128 times the sum of a group's weights, since an input of 0 is
//                written as 128
//
// pack_bf16: a work-item a word. pack_int8: a work-item an output. `items` in all, any work-group.
__kernel void pack_bf16(__global const uint *restrict weight, __global uint *restrict panels, const int inputs,
                        const int width, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int words = inputs / 2;
  const size_t output = item / width / words * width + item % width;
  const int k = 2 * (item / width % words);
  panels[item] = weight[output * inputs + k] >> 16 | (weight[output * inputs + k + 1] & 0xffff0000);
}

__kernel void pack_int8(__global const float *restrict weight, __global uint *restrict panels,
                        __global float *restrict steps, __global int *restrict corrections, const int inputs,
                        const int width, const int group, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  __global const float *values = weight + item * inputs;
  __global uint *words = panels + item / width * width * (inputs / 4) + item % width;
  __global int *sums = corrections + item / width * width * (inputs / group) + item % width;
  // The arithmetic of round_int8 in round.cl.
  int most = as_int(1e-30f);
  for (int k = 0; k < inputs; ++k) most = max(most, as_int(values[k]) & 0x7fffffff);
  const float step = as_float(most) * (1.0f / 127.0f);
  const float near = 1.0f / step;
  const float inverse = fma(fma(-step, near, 1.0f), near, near);
  steps[item] = step;
  for (int first = 0; first < inputs; first += group) {
    int sum = 0;
    for (int k = first; k < first + group; k += 4) {
      uint word = 0;
      for (int i = 0; i < 4; ++i) {
        const int count = as_int(fma(values[k + i], inverse, 12582912.0f)) - 0x4b400000;
        sum += count;
        word |= (uint)(count & 255) << (8 * i);
      }
      words[(size_t)(k / 4) * width] = word;
    }
    sums[(size_t)(first / group) * width] = -128 * sum;
  }
}
