/* SPDX-License-Identifier: MIT */
/* Text of any length, written through a stdio stream. It replaces open_memstream, which can lose
 * part of the text without setting ferror when memory runs out. */
#ifndef TD_BASE_TEXT_H
#define TD_BASE_TEXT_H

#include "base/error.h"
#include <stdbool.h>
#include <stdio.h>

typedef struct td_text {
    FILE *stream; /* write here; results need no check */
    char *bytes;
    size_t size, room;
    bool failed;
} td_text;

/* False when out of memory. The struct must not move until it is closed. */
bool td_text_open(td_text *text) TD_MUST_USE;

/* The whole text, to be freed with free(); NULL if memory ran out at any point. */
char *td_text_close(td_text *text) TD_MUST_USE;

#endif
