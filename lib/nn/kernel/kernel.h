/* SPDX-License-Identifier: MIT */
/* The compute layer for one instruction set. What computes is compiled once for each: the operators
 * and all that they call, from the same sources, with TD_KERNEL being the instruction set's name
 * (meson.build lists them). One of them is chosen when a program starts, so that one binary is fast
 * on every processor. Each gives the same bytes at any number of threads; two differ in the last
 * bits. */
#ifndef TD_NN_KERNEL_KERNEL_H
#define TD_NN_KERNEL_KERNEL_H

#include "base/error.h"
#include "nn/bounds.h"
#include "nn/optimizer.h"

struct td_op;

#define TD_KERNEL_PASTE_(name, kernel) name##_##kernel
#define TD_KERNEL_PASTE(name, kernel) TD_KERNEL_PASTE_(name, kernel)
/* What `name` is called in this kernel: td_multiply_avx2. A header of such functions defines their
 * names so. */
#define TD_KERNEL_NAME(name) TD_KERNEL_PASTE(name, TD_KERNEL)

typedef struct td_kernel {
    const char *name;                     /* "avx2" */
    size_t lanes;                         /* floats of a register */
    const struct td_op *const *operators; /* in the order of the reference; ends with NULL */
    /* to[count] += from[count]. */
    void (*add)(float *to, const float *from, size_t count);
    /* gradient[count] = 0 where out[count] is not between the bounds. */
    void (*gate)(td_bounds bounds, float *gradient, const float *out, size_t count);
    /* td_adam and the step of sgd (nn/optimizer.h). */
    void (*adam)(const td_step *step, float *w, const float *gradient, float *mean, float *square,
                 size_t count);
    void (*sgd)(const td_step *step, float *w, const float *gradient, float *velocity,
                size_t count);
} td_kernel;

/* All that were compiled, the best first; ends with NULL. */
extern const td_kernel *const td_kernels[];

/* Whether this processor has the kernel's instructions. */
bool td_kernel_runs(const td_kernel *kernel);

/* The one that is used: the one that TRAPDOOR_KERNEL names, else the best that runs here. */
const td_kernel *td_kernel_used(void);

/* Before any work: TD_ERR_USAGE if TRAPDOOR_KERNEL names none, or one that does not run here. */
td_status td_kernel_check(td_error *error) TD_MUST_USE;

/* The floats that OpenBLAS's core computes at a time, by its name: below those of this processor's
 * best kernel it multiplies at a fraction of the rate. 0 for a name that is not known. */
size_t td_blas_lanes(const char *core);

#endif
