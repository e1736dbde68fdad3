/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdbool.h>
#include <string.h>

/* A message may quote a file: a control character could break the line or steer the terminal. */
static void make_plain(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

enum { LONGEST = 16384 }; /* a message with some paths, before it is shortened */

static bool is_within_character(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* A message that is too long loses its middle: the place is at its start, the cause at its end. */
static void set(td_error *error, char *text) {
    static const char gap[] = "...";
    const size_t most = sizeof error->message - 1, length = strlen(text);
    size_t head = length, tail = length;
    if (length > most) {
        head = most / 2;
        tail = length - (most - head - (sizeof gap - 1));
        while (head > 0 && is_within_character(text[head]))
            head--;
        while (is_within_character(text[tail]))
            tail++;
    }
    snprintf(error->message, sizeof error->message, "%.*s%s%s", (int)head, text,
             tail > head ? gap : "", text + tail);
    make_plain(error->message);
}

td_status td_fail(td_error *error, td_status status, const char *format, ...) {
    if (error) {
        char text[LONGEST];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        set(error, text);
    }
    return status;
}

td_status td_fail_within(td_error *error, td_status status, const char *format, ...) {
    if (error) {
        char text[LONGEST];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text - sizeof error->message - 1, format, args);
        va_end(args);
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, ": %s", error->message);
        set(error, text);
    }
    return status;
}

td_status td_name_stream(td_error *error, td_status status, FILE *stream, const char *name) {
    return status != TD_OK && ferror(stream) ? td_fail_within(error, status, "%s", name) : status;
}

td_status td_fail_memory(td_error *error, const char *what) {
    return td_fail(error, TD_ERR_MEMORY, "out of memory for %s", what);
}
