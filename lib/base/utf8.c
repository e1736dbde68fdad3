/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stddef.h>

/* Length of a sequence that begins with `lead`; 0 if it is invalid. */
static size_t length_of(unsigned char lead) {
    return lead < 0x80                    ? 1
           : lead >= 0xc2 && lead <= 0xdf ? 2
           : lead >= 0xe0 && lead <= 0xef ? 3
           : lead >= 0xf0 && lead <= 0xf4 ? 4
                                          : 0;
}

/* Whether the second byte keeps the code point within the range for its length and Unicode. */
static bool is_in_range(unsigned char lead, unsigned char second) {
    switch (lead) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

bool td_utf8_is_valid(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        const size_t length = length_of(*at);
        if (length == 0)
            return false;
        for (size_t i = 1; i < length; i++) /* a terminator fails this check */
            if ((at[i] & 0xc0) != 0x80)
                return false;
        if (length > 1 && !is_in_range(at[0], at[1]))
            return false;
        at += length;
    }
    return true;
}
