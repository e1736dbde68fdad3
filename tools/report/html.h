/* Text in HTML. Everything that comes from a file goes through here: it may be an attacker's. */
#ifndef TOOLS_REPORT_HTML_H
#define TOOLS_REPORT_HTML_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Bytes of a text that are shown; an ellipsis stands for the rest. */
enum { HTML_TEXT_MOST = 300, HTML_PROSE_MOST = 4000 };

/* Writes text for an element's content or a quoted attribute: & < > " ' become entities; control
 * characters, those that turn the direction of writing, and bytes that are not UTF-8 become U+FFFD.
 * NULL is an empty text. */
void html_text(FILE *out, const char *text);

/* The same for sentences. */
void html_prose(FILE *out, const char *text);

/* A number in at most about ten characters: 0.9488, 1234, 1e+300. */
void html_number(FILE *out, double value);

/* Any JSON value in one line; long or deep ones are cut. */
void html_json(FILE *out, const json_t *value);

/* A field's name in words: "robust_accuracy" is "robust accuracy", "asr" is "ASR". */
void html_label(FILE *out, const char *key);

/* A finite number of an object; false (and *number NAN) if there is none of that name. */
bool html_get(const json_t *object, const char *key, double *number);

/* A text of an object, or "". */
const char *html_get_text(const json_t *object, const char *key);

/* Whether `key` is a rate or a mean with an interval: a number with KEY_interval beside it. */
bool html_is_rate(const json_t *object, const char *key);

/* Table cells, with what to sort by. */
void html_cell(FILE *out, const char *text);
void html_cell_number(FILE *out, const json_t *object, const char *key);
/* A rate with its 95 % interval: in percent, and with its counts as a title, where it has
 * KEY_count; else as it is. A dash where there is none. */
void html_cell_rate(FILE *out, const json_t *object, const char *key);
/* The value of html_cell_rate alone, in words: "94.89 %". */
void html_rate(FILE *out, const json_t *object, const char *key);

/* A share in percent, with four digits: "9.091 %"; a dash where it is not finite. */
void html_percent(FILE *out, double share);
void html_cell_percent(FILE *out, double share);

/* A table that can be sorted, within a box that scrolls; `heads` ends with NULL, and one that
 * begins with '#' is of numbers. */
void html_table_open(FILE *out, const char *caption, const char *const *heads);
/* The same with a head that is plain text, and columns of numbers whose heads are a file's. */
void html_table_open_columns(FILE *out, const char *caption, const char *first,
                             const char *const *columns, size_t count);
void html_table_close(FILE *out);

/* The last row of a table that was cut after `shown` of `count` rows; nothing if it was not. */
void html_row_more(FILE *out, size_t shown, size_t count, size_t columns);

#endif
