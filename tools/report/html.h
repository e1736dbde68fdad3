/* SPDX-License-Identifier: MIT */
/* Text in HTML. All text from files goes through here, because it is untrusted. */
#ifndef TOOLS_REPORT_HTML_H
#define TOOLS_REPORT_HTML_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Most bytes of a text that are shown; an ellipsis replaces the rest. */
enum { HTML_TEXT_MOST = 300, HTML_PROSE_MOST = 4000, HTML_LABEL_SIZE = 96 };

/* Writes text for an element's content or a quoted attribute: & < > " ' become entities; control
 * characters, bidirectional controls and invalid UTF-8 become U+FFFD. NULL is an empty text. */
void html_text(FILE *out, const char *text);

/* The same between two pieces of markup. */
void html_put(FILE *out, const char *before, const char *text, const char *after);

/* The same for sentences, which may be longer. */
void html_prose(FILE *out, const char *text);

/* A field's name as words, not escaped: "robust_accuracy" is "robust accuracy", "asr" is "ASR",
 * also as the last word of "before asr". */
void html_label(char out[HTML_LABEL_SIZE], const char *key);

/* Bytes for a data: URI. */
void html_base64(FILE *out, const uint8_t *bytes, size_t size);

/* --- reading the same files --- */

/* A finite number of an object; false (and *number NAN) if there is none with that name. */
bool html_get(const json_t *object, const char *key, double *number);

/* A text of an object, or "". */
const char *html_get_text(const json_t *object, const char *key);

/* Whether a name has this ending, and is longer. */
bool html_ends(const char *name, const char *ending);

/* The last part of a path. */
const char *html_base(const char *name);

#endif
