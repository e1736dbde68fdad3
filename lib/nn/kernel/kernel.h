/* SPDX-License-Identifier: MIT */
/* The compute layer for one instruction set. The operators and all that they call are compiled once
 * per instruction set from the same sources, with TD_KERNEL defined as its name (meson.build lists
 * them). A program chooses one when it starts, so that one binary is fast on every processor. Each
 * gives the same bytes at any number of threads; two kernels differ in the last bits. */
#ifndef TD_NN_KERNEL_KERNEL_H
#define TD_NN_KERNEL_KERNEL_H

#include "base/error.h"
#include "nn/bounds.h"
#include "nn/optimizer.h"

struct td_op;

#define TD_KERNEL_PASTE_(name, kernel) name##_##kernel
#define TD_KERNEL_PASTE(name, kernel) TD_KERNEL_PASTE_(name, kernel)
/* The name of `name` in this kernel: td_multiply_avx2. Headers of such functions define their names
 * with it. */
#define TD_KERNEL_NAME(name) TD_KERNEL_PASTE(name, TD_KERNEL)

typedef struct td_kernel {
    const char *name;                     /* "avx2" */
    size_t lanes;                         /* floats of a register */
    const struct td_op *const *operators; /* in the reference's order; ends with NULL */
    /* to[count] += from[count]. */
    void (*add)(float *to, const float *from, size_t count);
    /* gradient[count] = 0 where out[count] is not within the bounds. */
    void (*gate)(td_bounds bounds, float *gradient, const float *out, size_t count);
    /* td_adam and the step of sgd (nn/optimizer.h). */
    void (*adam)(const td_step *step, float *w, const float *gradient, float *mean, float *square,
                 size_t count);
    void (*sgd)(const td_step *step, float *w, const float *gradient, float *velocity,
                size_t count);
} td_kernel;

/* All compiled kernels, the best first; ends with NULL. */
extern const td_kernel *const td_kernels[];

/* Whether this processor has the kernel's instructions. */
bool td_kernel_runs(const td_kernel *kernel);

/* The kernel in use: the one named by TRAPDOOR_KERNEL, else the best that runs here. */
const td_kernel *td_kernel_used(void);

/* Call it before any work: TD_ERR_USAGE if TRAPDOOR_KERNEL names no kernel, or one that does not
 * run here. */
td_status td_kernel_check(td_error *error) TD_MUST_USE;

/* The same for the kernel `name`, on a processor that `runs` tells about. */
td_status td_kernel_check_name(const char *name, bool (*runs)(const td_kernel *),
                               td_error *error) TD_MUST_USE;

/* The vector width in floats of OpenBLAS's core, by its name; 0 for an unknown name. If it is below
 * that of this processor's best kernel, OpenBLAS multiplies at a fraction of the possible rate. */
size_t td_blas_lanes(const char *core);

#endif
