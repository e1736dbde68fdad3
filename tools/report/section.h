/* What a record shows. A kind of section is one file that defines one report_section, and one row
 * of the table in sections.c. A section looks at nothing but the record's fields, so that a new
 * method whose record has the same fields is shown as well. */
#ifndef TOOLS_REPORT_SECTION_H
#define TOOLS_REPORT_SECTION_H

#include "report/report.h"

typedef struct report_section {
    const char *title;                                     /* NULL: none */
    bool (*shows)(report *r, const report_record *record); /* whether there is anything to write */
    void (*write)(report *r, const report_record *record);
    /* The most important numbers in a few words, for the table of all records; may be NULL. */
    void (*headline)(FILE *out, const json_t *root);
} report_section;

extern const report_section section_audit, section_controls, section_set, section_poison,
    section_training, section_rates, section_attacks, section_strength, section_confusion,
    section_detector, section_curve, section_repair, section_classes, section_numbers,
    section_pictures, section_settings;

extern const report_section *const report_sections[]; /* ends with NULL */

/* The rows of section_attacks, one for each model and trigger of an evaluation; `lead` (may be
 * NULL) is a record that each row begins with a link to. Counts the rows in *rows. */
void section_attack_rows(FILE *out, const json_t *root, const report_record *lead, size_t *rows);

/* A table of counts [classes][classes] as shares of each row. `target` is a class that is marked;
 * −1: none. Nothing if `counts` is no square of numbers. */
void section_heat_map(FILE *out, const char *caption, const json_t *counts, json_int_t target);

/* Writes the text, as a link to the record FOLDER/NAME where there is one; FOLDER is that of
 * `record`. */
void section_link(report *r, const report_record *record, const char *name, const char *text);

/* The anchor of a record: "record-3". */
void section_anchor(FILE *out, const report *r, const report_record *record);

#endif
