// What the blocks of a CPU share: a window's rows in local memory, CHANNELS f32 each. It goes behind vector16.cl and
// window.cl.

// The tokens of window number `window` of all maps, -1 where one is padded, and their regions; whether they are of more
// than one.
bool find_tokens(const int window, const int side, const int shift, __local int *tokens, __local int *regions) {
  const int windows = (side + WINDOW - 1) / WINDOW;
  const int row = window / windows % windows, column = window % windows;
  const int first = window / (windows * windows) * side * side;
  for (int i = 0; i < TOKENS; ++i) {
    const Place place = place_of(i, row * WINDOW, column * WINDOW, side, shift);
    tokens[i] = place.token < 0 ? -1 : first + place.token;
    regions[i] = place.region;
  }
  return is_mixed(row, column, windows, shift);
}

// Zeros for a token of -1.
void load_row(__global const float *x, const int token, __local float *row) {
  for (int c = 0; c < CHANNELS; c += 16) {
    float16 value = 0.0f;
    if (token >= 0) value = vload16(0, x + token * (size_t)CHANNELS + c);
    vstore16(value, 0, row + c);
  }
}

void store_rows(__local const float *rows, __local const int *tokens, const int count, __global float *x) {
  for (int i = 0; i < count; ++i) {
    if (tokens[i] < 0) continue;
    for (int c = 0; c < CHANNELS; c += 16)
      vstore16(vload16(0, rows + i * CHANNELS + c), 0, x + tokens[i] * (size_t)CHANNELS + c);
  }
}

// A padded token's query, key and value in the place of what the layer made of its zeros.
void pad_rows(__local const int *tokens, const int count, __global const float *padding, __local float *qkv) {
  for (int i = 0; i < count; ++i) {
    if (tokens[i] >= 0) continue;
    for (int d = 0; d < PACKED; d += 16) vstore16(vload16(0, padding + d), 0, qkv + i * PACKED + d);
  }
}

// A row's mean and 1/sigma, in every element.
typedef struct {
  float16 mean, inverse;
} Moments;

Moments moments_of(__local const float *row, const float eps) {
  Moments moments;
  float16 sum = 0.0f;
  for (int c = 0; c < CHANNELS; c += 16) sum += vload16(0, row + c);
  moments.mean = (float16)(sum_of(sum) / CHANNELS);
  float16 squares = 0.0f;
  for (int c = 0; c < CHANNELS; c += 16) {
    const float16 d = vload16(0, row + c) - moments.mean;
    squares = fma(d, d, squares);
  }
  const float variance = sum_of(squares) / CHANNELS;
  // A variance beyond the range would make every value 0: better none.
  moments.inverse = (float16)(variance < INFINITY ? 1.0f / sqrt(variance + eps) : NAN);
  return moments;
}
