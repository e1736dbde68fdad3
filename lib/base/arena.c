/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* madvise */
#include "base/arena.h"

#include "base/size.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

/* Stored right before the returned memory, in the preceding alignment unit. */
struct td_arena_block {
    struct td_arena_block *next;
    void *allocation;
};

/* Asks for huge pages: passes over many tiles and channels touch more pages of 4 KiB than a
 * processor has addresses of at hand (its TLB). Where the system has none, nothing changes. */
static void prefer_huge_pages(char *memory, size_t bytes) {
    const size_t before = -(uintptr_t)memory & (HUGE_PAGE - 1);
    if (bytes >= before + HUGE_PAGE)
        (void)madvise(memory + before, (bytes - before) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
}

td_status td_arena_alloc(td_arena *arena, size_t count, size_t size, void **out, const char *what,
                         td_error *error) {
    size_t bytes;
    if (!td_size_mul(count, size, &bytes) || !td_size_add(bytes, 2 * ALIGNMENT, &bytes))
        return td_fail_memory(error, what);
    /* calloc returns large blocks as zero pages that use no memory until written. */
    char *allocation = calloc(1, bytes);
    if (!allocation)
        return td_fail_memory(error, what);
    prefer_huge_pages(allocation, bytes);
    uintptr_t end = (uintptr_t)allocation + sizeof(struct td_arena_block);
    char *memory = allocation + sizeof(struct td_arena_block) + (-end & (ALIGNMENT - 1));
    struct td_arena_block *block = (struct td_arena_block *)(void *)memory - 1;
    *block = (struct td_arena_block){arena->blocks, allocation};
    arena->blocks = block;
    arena->bytes += bytes;
    *out = memory;
    return TD_OK;
}

td_status td_arena_text(td_arena *arena, const char *text, size_t length, char **out,
                        td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, length + 1, out, "text", error));
    memcpy(*out, text, length);
    return TD_OK;
}

td_status td_arena_vprint(td_arena *arena, const char **out, td_error *error, const char *format,
                          va_list arguments) {
    va_list again;
    char *text;
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        return td_fail_memory(error, "text");
    TD_TRY(TD_ARENA_NEW(arena, (size_t)length + 1, &text, "text", error));
    vsnprintf(text, (size_t)length + 1, format, arguments);
    *out = text;
    return TD_OK;
}

td_status td_arena_print(td_arena *arena, const char **out, td_error *error, const char *format,
                         ...) {
    va_list arguments;
    va_start(arguments, format);
    td_status status = td_arena_vprint(arena, out, error, format, arguments);
    va_end(arguments);
    return status;
}

void td_arena_free(td_arena *arena) {
    struct td_arena_block *block = arena->blocks;
    while (block) {
        struct td_arena_block *next = block->next;
        free(block->allocation);
        block = next;
    }
    *arena = (td_arena){0};
}
