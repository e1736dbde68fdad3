/* SPDX-License-Identifier: MIT */
#include "nn/kernel/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)

extern const td_kernel td_kernel_avx512, td_kernel_avx2, td_kernel_sse2;

const td_kernel *const td_kernels[] = {&td_kernel_avx512, &td_kernel_avx2, &td_kernel_sse2, NULL};

/* The instruction sets that meson.build compiles for. */
bool td_kernel_runs(const td_kernel *kernel) {
    if (kernel == &td_kernel_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
    if (kernel == &td_kernel_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return true;
}

#else

extern const td_kernel td_kernel_baseline;

const td_kernel *const td_kernels[] = {&td_kernel_baseline, NULL};

bool td_kernel_runs(const td_kernel *kernel) {
    (void)kernel;
    return true;
}

#endif

static const td_kernel *best(void) {
    size_t i = 0;
    while (!td_kernel_runs(td_kernels[i]))
        i++;
    return td_kernels[i];
}

static const td_kernel *find(const char *name) {
    for (size_t i = 0; td_kernels[i]; i++)
        if (strcmp(td_kernels[i]->name, name) == 0)
            return td_kernels[i];
    return NULL;
}

static const char *wanted(void) {
    const char *name = getenv("TRAPDOOR_KERNEL");
    return name && *name ? name : NULL;
}

const td_kernel *td_kernel_used(void) {
    static const td_kernel *used;
    if (!used) {
        const td_kernel *named = wanted() ? find(wanted()) : NULL;
        used = named && td_kernel_runs(named) ? named : best();
    }
    return used;
}

td_status td_kernel_check_name(const char *name, bool (*runs)(const td_kernel *), td_error *error) {
    char names[128] = "";
    size_t length = 0;
    const td_kernel *named = find(name);
    if (named && runs(named))
        return TD_OK;
    for (size_t i = 0; td_kernels[i]; i++)
        if (runs(td_kernels[i]))
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                       length > 0 ? ", " : "", td_kernels[i]->name);
    return td_fail(error, TD_ERR_USAGE, "TRAPDOOR_KERNEL: expected %s, found %s%s", names, name,
                   named ? ", which this processor lacks" : "");
}

td_status td_kernel_check(td_error *error) {
    const char *name = wanted();
    return name ? td_kernel_check_name(name, td_kernel_runs, error) : TD_OK;
}

size_t td_blas_lanes(const char *core) {
    static const struct {
        const char *core;
        size_t lanes;
    } rows[] = {{"SkylakeX", 16}, {"Cooperlake", 16}, {"Sapphirerapids", 16}, {"Haswell", 8},
                {"Zen", 8},       {"Excavator", 8},   {"Steamroller", 8},     {"Piledriver", 8},
                {"Bulldozer", 8}, {"Sandybridge", 8}, {"Nehalem", 4},         {"Prescott", 4},
                {"Core2", 4},     {"Penryn", 4},      {"Dunnington", 4},      {"Atom", 4},
                {"Athlon", 4},    {"Opteron", 4},     {"Barcelona", 4},       {"Bobcat", 4},
                {"Nano", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(core, rows[i].core, strlen(rows[i].core)) == 0)
            return rows[i].lanes;
    return 0;
}
