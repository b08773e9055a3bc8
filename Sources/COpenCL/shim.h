// The OpenCL C API as Swift sees it. The loader (ocl-icd) finds the vendors' drivers at run time.
#pragma once
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
