/* What inspectors of models share. An inspector recovers, for each class, the smallest trigger that
 * sends images there, and looks for a class that takes a much smaller one than the others (judge by
 * lib/measure/mad.h). Here: the verdict on the classes, how it is told, and the recovered triggers
 * as pictures. */
#ifndef TOOLS_DEFEND_INSPECT_OLD_INSPECT_H
#define TOOLS_DEFEND_INSPECT_OLD_INSPECT_H

#include "frame/files.h"
#include "frame/record.h"
#include "measure/rates.h"
#include "nn/net.h"

enum {
    INSPECT_EXIT_FLAGGED = 3, /* the exit status with --exit-code when a class is flagged */
    INSPECT_LEAST = 3,        /* triggers that a verdict takes; with fewer nothing is flagged */
};

/* What was recovered for one class. The inspector sets the first four. */
typedef struct inspect_class {
    size_t number;
    bool found;  /* whether a trigger met the inspector's ASR; else the class takes no part */
    double size; /* of the trigger: the L1 norm, as the inspector defines it */
    td_rate asr; /* of the trigger, on the images that the inspector says */
    /* Set by inspect_judge where `found`: */
    double index; /* td_anomaly_index; NAN without a verdict */
    bool flagged; /* an outlier on the small side */
} inspect_class;

/* Which deviation the index is by. */
typedef enum inspect_spread {
    INSPECT_MAD,        /* of all sizes */
    INSPECT_DOUBLE_MAD, /* of those up to the median */
} inspect_spread;

typedef struct inspect_verdict {
    size_t judged;      /* classes that have a trigger */
    bool given;         /* whether there are enough of them for a verdict */
    double median, mad; /* of their sizes; 0 where there are none */
    size_t flagged;     /* classes */
} inspect_verdict;

/* Judges the classes by their sizes. TD_ERR_MEMORY. */
td_status inspect_judge(inspect_class *classes, size_t count, inspect_spread spread,
                        inspect_verdict *verdict, td_error *error) TD_MUST_USE;

/* The class with the largest trigger, if that is an outlier on the large side; else NULL. */
const inspect_class *inspect_largest(const inspect_class *classes, size_t count,
                                     const inspect_verdict *verdict);

/* Adds to the record `median` and `mad` (null without a trigger), `flagged` [class, ...] and
 * `classes` [{"class", "found", "asr", "asr_interval", "asr_count", "size", "index", "flagged"}];
 * `size` is null where no trigger was found, `index` where there is none or it is infinite. An
 * inspector may add fields of its own to the entries, which come in the order of `classes`. */
td_status inspect_record(tool_record *record, const inspect_class *classes, size_t count,
                         const inspect_verdict *verdict, td_error *error) TD_MUST_USE;

/* Prints the same: a line a class and a line with the verdict. `unit` says what a size counts:
 * "pixels". */
void inspect_print(const inspect_class *classes, size_t count, const inspect_verdict *verdict,
                   const char *unit);

/* One line on what makes the verdict weak (classes without a trigger, too few triggers, a MAD of
 * 0), printed on stderr for each of these that is so. */
void inspect_note(const inspect_class *classes, size_t count, const inspect_verdict *verdict);

/* A recovered trigger, x' = (1 − m)·x + m·p. */
typedef struct inspect_trigger {
    td_shape shape;       /* of an image */
    const float *mask;    /* m, [height, width], in [0, 1] */
    const float *pattern; /* p, [height, width, channels], raw pixels 0–255 */
} inspect_trigger;

enum { INSPECT_PICTURES = 3 }; /* files that inspect_write_trigger adds */

/* Adds to the files of a run, and to the record's outputs, mask-K.png (grey, white where the mask
 * is 1), pattern-K.png, and trigger-K.png: the pattern with the mask as alpha, in 8 bits, that any
 * tool takes as --trigger image:file=trigger-K.png,at=0+0. */
td_status inspect_write_trigger(tool_files *files, tool_record *record, size_t number,
                                const inspect_trigger *trigger, td_error *error) TD_MUST_USE;

#endif
