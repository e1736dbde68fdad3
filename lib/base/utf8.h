/* SPDX-License-Identifier: MIT */
/* Text as JSON and the safetensors container hold it. */
#ifndef TD_BASE_UTF8_H
#define TD_BASE_UTF8_H

#include <stdbool.h>

/* Whether `text` is UTF-8 (RFC 3629): no truncated or overlong sequence, no surrogates, no code
 * point above U+10FFFF. Allocates nothing. */
bool td_utf8_is_valid(const char *text);

#endif
