#include "base/arena.h"

#include "base/size.h"
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* The header fills one alignment unit, so that what follows it is aligned as well. */
struct td_arena_block {
    struct td_arena_block *next;
    char padding[ALIGNMENT - sizeof(struct td_arena_block *)];
};

td_status td_arena_alloc(td_arena *arena, size_t count, size_t size, void **out, const char *what,
                         td_error *error) {
    size_t bytes;
    if (!td_size_mul(count, size, &bytes) ||
        !td_size_add(bytes, sizeof(struct td_arena_block) + ALIGNMENT, &bytes))
        return td_fail_memory(error, what);
    bytes = bytes / ALIGNMENT * ALIGNMENT;
    struct td_arena_block *block = aligned_alloc(ALIGNMENT, bytes);
    if (!block)
        return td_fail_memory(error, what);
    memset(block, 0, bytes);
    block->next = arena->blocks;
    arena->blocks = block;
    arena->bytes += bytes;
    *out = block + 1;
    return TD_OK;
}

td_status td_arena_text(td_arena *arena, const char *text, size_t length, char **out,
                        td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, length + 1, out, "text", error));
    memcpy(*out, text, length);
    return TD_OK;
}

void td_arena_free(td_arena *arena) {
    struct td_arena_block *block = arena->blocks;
    while (block) {
        struct td_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (td_arena){0};
}
