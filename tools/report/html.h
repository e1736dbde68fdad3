/* SPDX-License-Identifier: MIT */
/* Text in HTML. Everything that comes from a file goes through here: it may be an attacker's. */
#ifndef TOOLS_REPORT_HTML_H
#define TOOLS_REPORT_HTML_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of a text that are shown; an ellipsis stands for the rest. */
enum { HTML_TEXT_MOST = 300, HTML_PROSE_MOST = 4000, HTML_LABEL_SIZE = 96 };

/* Writes text for an element's content or a quoted attribute: & < > " ' become entities; control
 * characters, those that turn the direction of writing, and bytes that are not UTF-8 become U+FFFD.
 * NULL is an empty text. */
void html_text(FILE *out, const char *text);

/* The same between two pieces of markup. */
void html_put(FILE *out, const char *before, const char *text, const char *after);

/* The text for sentences, which may be longer. */
void html_prose(FILE *out, const char *text);

/* A field's name in words, which are not escaped: "robust_accuracy" is "robust accuracy", "asr" is
 * "ASR", and so is the last word of "before asr". */
void html_label(char out[HTML_LABEL_SIZE], const char *key);

/* Bytes for a data: URI. */
void html_base64(FILE *out, const uint8_t *bytes, size_t size);

/* --- not of HTML, but of the same files --- */

/* A finite number of an object; false (and *number NAN) if there is none of that name. */
bool html_get(const json_t *object, const char *key, double *number);

/* A text of an object, or "". */
const char *html_get_text(const json_t *object, const char *key);

/* Whether a name ends so, and is longer. */
bool html_ends(const char *name, const char *ending);

/* The last part of a path. */
const char *html_base(const char *name);

#endif
