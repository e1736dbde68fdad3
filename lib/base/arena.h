/* SPDX-License-Identifier: MIT */
/* An arena: many allocations, one release. Blocks are aligned to 64 bytes and zeroed. */
#ifndef TD_BASE_ARENA_H
#define TD_BASE_ARENA_H

#include "base/error.h"
#include <stdarg.h>
#include <stddef.h>

typedef struct td_arena {
    struct td_arena_block *blocks; /* NULL when empty: `td_arena a = {0};` is ready for use */
    size_t bytes;                  /* bytes requested so far */
} td_arena;

/* Allocates count × size bytes into *out, which belongs to the arena. `what` names the thing in the
 * error. A count of 0 gives a valid pointer that must not be read. TD_ERR_MEMORY on overflow too.
 */
td_status td_arena_alloc(td_arena *arena, size_t count, size_t size, void **out, const char *what,
                         td_error *error) TD_MUST_USE;

/* A copy of `text` (its first `length` bytes and a terminator) in the arena. */
td_status td_arena_text(td_arena *arena, const char *text, size_t length, char **out,
                        td_error *error) TD_MUST_USE;

/* printf into the arena. */
td_status td_arena_print(td_arena *arena, const char **out, td_error *error, const char *format,
                         ...) TD_MUST_USE TD_PRINTF(4, 5);
td_status td_arena_vprint(td_arena *arena, const char **out, td_error *error, const char *format,
                          va_list arguments) TD_MUST_USE;

/* Releases everything; the arena is empty and ready again. */
void td_arena_free(td_arena *arena);

/* td_arena_alloc for typed pointers: TD_ARENA_NEW(&arena, n, &floats, "activations", error). */
#define TD_ARENA_NEW(arena, count, out, what, error)                                               \
    td_arena_alloc((arena), (count), sizeof **(out), (void **)(out), (what), (error))

#endif
