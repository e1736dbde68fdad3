/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/text.h"

#include "base/size.h"
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROOM = 256 };

/* Makes room for `more` bytes and the terminator. */
static bool grow(td_text *text, size_t more) {
    size_t needed, room = text->room;
    if (!td_size_add(text->size, more, &needed) || !td_size_add(needed, 1, &needed))
        return false;
    while (room < needed)
        if (!td_size_mul(room, 2, &room))
            return false;
    char *bytes = room > text->room ? realloc(text->bytes, room) : text->bytes;
    if (!bytes)
        return false;
    text->bytes = bytes;
    text->room = room;
    return true;
}

static ssize_t append(void *cookie, const char *bytes, size_t size) {
    td_text *text = cookie;
    text->failed = text->failed || !grow(text, size);
    if (text->failed)
        return 0;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
    return (ssize_t)size;
}

bool td_text_open(td_text *text) {
    *text = (td_text){.bytes = calloc(1, LEAST_ROOM), .room = LEAST_ROOM};
    if (text->bytes)
        text->stream = fopencookie(text, "w", (cookie_io_functions_t){.write = append});
    if (!text->stream)
        free(text->bytes);
    return text->stream != NULL;
}

char *td_text_close(td_text *text) {
    if (fclose(text->stream) == 0 && !text->failed)
        return text->bytes;
    free(text->bytes);
    return NULL;
}
