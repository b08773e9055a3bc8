// The OpenCL C API as Swift sees it. The loader (ocl-icd) finds the vendors' drivers at run time.
#pragma once
#define CL_TARGET_OPENCL_VERSION 300
// clCreateCommandQueue: the only call that makes a queue on OpenCL 1.2 devices.
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

// Two functions of glibc (2.34) that its headers show only to GNU sources.
#include <spawn.h>
int pipe2(int ends[2], int flags);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
