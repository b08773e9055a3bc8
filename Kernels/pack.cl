// Weights as they come from a checkpoint, [outputs, inputs], into the panels that the GEMM variants read, with all that
// can be folded into them.
//
//   weight       [outputs, inputs] f32
//   bias         [outputs] f32 (zeros where the layer has none)
//   input_scale  [inputs] f32: the scale of the LayerNorm in front
//   input_shift  [inputs] f32: its shift
//   output_scale [outputs] f32: head_dim^-1/2 for queries, else 1
//   panels       [panels, inputs, width] f32: output n is column n % width of panel n / width; zeros fill the last
//   folded       [panels * width] f32: (bias + weight . input_shift) * output_scale
//
// pack_bias: a work-item an output, sums in order of the inputs. fold_weight: a work-item a weight; behind pack_bias,
// since it multiplies in place. pack_weight: a work-item an element of panels. `items` in all, any work-group.
__kernel void fold_weight(__global float *weight, __global const float *restrict input_scale,
                          __global const float *restrict output_scale, const int inputs, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  weight[item] = weight[item] * input_scale[item % inputs] * output_scale[item / inputs];
}

__kernel void pack_weight(__global const float *restrict weight, __global float *restrict panels, const int outputs,
                          const int inputs, const int width, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int column = item % width;
  const int k = item / width % inputs;
  const int panel = item / width / inputs;
  const int n = panel * width + column;
  panels[item] = n < outputs ? weight[n * (size_t)inputs + k] : 0.0f;
}

__kernel void pack_bias(__global const float *restrict weight, __global const float *restrict bias,
                        __global const float *restrict input_shift, __global const float *restrict output_scale,
                        __global float *restrict folded, const int outputs, const int inputs,
                        const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int n = item;
  float sum = 0.0f;
  if (n < outputs) {
    // Kahan's sum: this runs once, and thousands of inputs share one bias.
    float lost = 0.0f;
    sum = bias[n];
    for (int k = 0; k < inputs; ++k) {
      const float term = weight[n * (size_t)inputs + k] * input_shift[k] - lost;
      const float next = sum + term;
      lost = (next - sum) - term;
      sum = next;
    }
    sum *= output_scale[n];
  }
  folded[n] = sum;
}
