/* SPDX-License-Identifier: MIT */
#include "starve.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static struct {
    bool on, onward, failed;
    size_t left; /* allocations until then */
} starve;

/* Whether this allocation is to fail. */
static bool fails(void) {
    if (!starve.on || (starve.failed && !starve.onward))
        return false;
    if (!starve.failed && starve.left-- > 0)
        return false;
    starve.failed = true;
    errno = ENOMEM;
    return true;
}

static void *allocate(size_t size) {
    return fails() ? NULL : malloc(size);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&       \
    !defined(__clang__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *bytes, size_t size);

void *malloc(size_t size) {
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *bytes, size_t size) {
    return fails() ? NULL : __libc_realloc(bytes, size);
}

const bool starve_all = true;
#else
const bool starve_all = false;
#endif

void starve_begin(size_t first, bool onward) {
    if (!starve_all)
        json_set_alloc_funcs(allocate, free);
    starve.left = first;
    starve.onward = onward;
    starve.failed = false;
    starve.on = true;
}

bool starve_end(void) {
    starve.on = false;
    if (!starve_all)
        json_set_alloc_funcs(malloc, free);
    return starve.failed;
}
