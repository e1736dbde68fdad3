/* SPDX-License-Identifier: MIT */
/* Text that comes from a file and is later shown to people. */
#ifndef TD_DATA_TEXT_H
#define TD_DATA_TEXT_H

#include <stdbool.h>

/* Whether `text` can be quoted in one line of a message or a table: a control character could break
 * the line, or steer the terminal. */
static inline bool td_text_is_plain(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

#endif
