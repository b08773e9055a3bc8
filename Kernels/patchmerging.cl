// The 2 x 2 neighbours of a map side by side, in the order (0,0), (1,0), (0,1), (1,1) as (row, column); beyond an odd
// side's edge there are zeros. LayerNorm and the reduction follow.
//
//   x    [images * side * side, channels] f32
//   out  [images * half * half, 4 * channels] f32, half = (side + 1) / 2
//
// A work-item a channel of an output token, `items` in all; any work-group.
__kernel void gather_neighbours(__global const float *restrict x, __global float *restrict out, const int side,
                                const int channels, const ulong items) {
  const size_t item = get_global_id(1) * get_global_size(0) + get_global_id(0);
  if (item >= items) return;
  const int c = item % channels;
  const int half_side = (side + 1) / 2;
  const size_t token = item / channels;
  const size_t image = token / (half_side * half_side);
  const int place = token % (half_side * half_side);
  for (int i = 0; i < 4; ++i) {
    const int row = 2 * (place / half_side) + i % 2, column = 2 * (place % half_side) + i / 2;
    float value = 0.0f;
    if (row < side && column < side) value = x[((image * side + row) * side + column) * channels + c];
    out[(token * 4 + i) * channels + c] = value;
  }
}
