// An element of a resident vector, half or float (VECTOR_F32), 16 at a time: it goes in front of the kernels that read them.
#ifdef VECTOR_F32
typedef float element;
#define LOAD16(p) vload16(0, p)
#define STORE16(v, p) vstore16(v, 0, p)
#else
// No arithmetic in half, so cl_khr_fp16 is not needed; OpenCL 1.2 forbids to flush half denormals here.
typedef half element;
#define LOAD16(p) vload_half16(0, p)
#define STORE16(v, p) vstore_half16_rte(v, 0, p)
#endif
