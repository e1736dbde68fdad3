/* SPDX-License-Identifier: MIT */
/* Text of any length, written as to a file. In place of open_memstream, which forgets: after a
 * write that found no memory, ferror says nothing, and the text lacks a part of its middle. */
#ifndef TD_BASE_TEXT_H
#define TD_BASE_TEXT_H

#include "base/error.h"
#include <stdbool.h>
#include <stdio.h>

typedef struct td_text {
    FILE *stream; /* write here; nobody need look at results */
    char *bytes;
    size_t size, room;
    bool failed;
} td_text;

/* False when out of memory. The struct must not move until it is closed. */
bool td_text_open(td_text *text) TD_MUST_USE;

/* The whole text, for free(); NULL if memory was short for any of it. */
char *td_text_close(td_text *text) TD_MUST_USE;

#endif
