// Which rows can be among the k best, in two passes over the scores; portable, and with T = 1 the CPU's variant.
//
// scores    [queryCount, scoreStride] float
// excluded  one bit a row, 1 where the row must not be found; query q's words start at q · maskStride (0: one for all)
// count     rows; bits and scores beyond are not looked at
//
// 1. top_k_histogram counts the scores of the rows that are not excluded in BINS equal bins from lows[q] on, each
//    1 / scales[q] wide; the first and the last bin also hold what lies beyond. The host walks down from the last bin
//    until k rows are passed: the lower edge of that bin is at most the k-th best score.
//    Bin BINS counts scores that are not numbers: a fault that the host reports.
// 2. top_k_collect writes down every row whose score is at least thresholds[q], in no order; found[q] counts them all,
//    also those that had no room. It answers for queries firstQuery…, whose found, foundRows and foundScores start at 0.
//
// One work-item takes a mask's word (32 rows) at a time, so that a wholly excluded word costs one read.
// Global: (any multiple of T, queryCount), local (T, 1). Local memory: BINS + 1 words.

#ifndef BINS
#define BINS 2048
#endif

#if T == 1
#define COUNT(p) ++*(p) // the histogram is this work-item's alone
#else
#define COUNT(p) atomic_inc(p)
#endif

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
top_k_histogram(global const float *scores, ulong scoreStride, uint count, global const uint *excluded,
                ulong maskStride, global const float *lows, global const float *scales, global uint *histograms) {
  local uint bins[BINS + 1];
  const uint query = get_global_id(1);
  const uint lane = get_local_id(0);
  for (uint i = lane; i <= BINS; i += T) bins[i] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);

  global const float *s = scores + query * scoreStride;
  global const uint *mask = excluded + query * maskStride;
  const float low = lows[query];
  const float scale = scales[query];
  const uint words = (count + 31) / 32;
  for (uint word = get_global_id(0); word < words; word += get_global_size(0)) {
    const uint bits = ~mask[word];
    const uint rows = min(32u, count - word * 32);
    if (bits == 0) continue;
    for (uint r = 0; r < rows; r++) {
      if (!(bits >> r & 1)) continue;
      const float score = s[word * 32 + r];
      const float place = clamp((score - low) * scale, 0.0f, (float)(BINS - 1));
      COUNT(&bins[isfinite(score) ? (uint)place : BINS]);
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint i = lane; i <= BINS; i += T)
    if (bins[i] != 0) atomic_add(&histograms[(ulong)query * (BINS + 1) + i], bins[i]);
}

kernel __attribute__((reqd_work_group_size(T, 1, 1))) void
top_k_collect(global const float *scores, ulong scoreStride, uint count, global const uint *excluded, ulong maskStride,
              global const float *thresholds, uint firstQuery, uint capacity, global uint *found, global uint *foundRows,
              global float *foundScores) {
  const uint place = get_global_id(1);
  const uint query = firstQuery + place;
  global const float *s = scores + query * scoreStride;
  global const uint *mask = excluded + query * maskStride;
  const float threshold = thresholds[query];
  const uint words = (count + 31) / 32;
  for (uint word = get_global_id(0); word < words; word += get_global_size(0)) {
    const uint bits = ~mask[word];
    const uint rows = min(32u, count - word * 32);
    if (bits == 0) continue;
    if (rows == 32) {
      // Nearly every word ends here, after one comparison of 32 scores.
      const float16 a = vload16(0, s + word * 32);
      const float16 b = vload16(0, s + word * 32 + 16);
      if (!any(fmax(a, b) >= threshold)) continue;
    }
    for (uint r = 0; r < rows; r++) {
      const float score = s[word * 32 + r];
      if (!(bits >> r & 1) || !(score >= threshold)) continue;
      const uint next = atomic_inc(&found[place]);
      if (next < capacity) {
        foundRows[(ulong)place * capacity + next] = word * 32 + r;
        foundScores[(ulong)place * capacity + next] = score;
      }
    }
  }
}
