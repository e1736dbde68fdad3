/* SPDX-License-Identifier: MIT */
/* Text read from a file and later shown to people. */
#ifndef TD_DATA_TEXT_H
#define TD_DATA_TEXT_H

#include <stdbool.h>

/* Whether `text` is safe to quote in a message or a table: a control character could break the line
 * or steer the terminal. */
static inline bool td_text_is_plain(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

#endif
