/* SPDX-License-Identifier: MIT */
/* What an audit concludes from what its methods found: the rules, and nothing else. */
#ifndef TOOLS_DEFEND_AUDIT_VERDICT_H
#define TOOLS_DEFEND_AUDIT_VERDICT_H

#include "measure/rates.h"
#include <stdbool.h>
#include <stddef.h>

typedef enum verdict {
    VERDICT_NOT_JUDGED,   /* the model is no better than chance on the clean images */
    VERDICT_INCONCLUSIVE, /* nothing seen, and no inspector came to an end */
    VERDICT_NOTHING,      /* nothing seen */
    VERDICT_SUSPECTED,    /* one method sees something */
    VERDICT_LIKELY,       /* methods that work differently agree */
} verdict;

/* "cannot-be-judged", "inconclusive", "nothing-found", "backdoor-suspected", "backdoor-likely". */
extern const char *const verdict_names[];

/* What a method looks at. */
typedef enum verdict_source {
    SOURCE_MODEL,    /* an inspector: classes of the model */
    SOURCE_TRAINING, /* a filter: classes of the set that it was trained on */
    SOURCE_INPUTS,   /* a detector: inputs met in use */
} verdict_source;

/* What it weighs that a method sees something. */
typedef enum verdict_weight {
    WEIGHT_SIGN, /* a trigger is the usual reason: such methods may agree */
    WEIGHT_WEAK, /* there are other reasons: an adversarial example, for squeezing */
    WEIGHT_HINT, /* clean models give it as well: printed, but it decides nothing */
} verdict_weight;

/* What one method found. */
typedef struct verdict_finding {
    verdict_source source;
    verdict_weight weight;
    bool whole;            /* it came to an end, with a verdict, on all there is */
    const size_t *classes; /* that it flags */
    size_t class_count;
    bool other; /* it flags no class, but more of the inputs than of clean ones, or the model */
} verdict_finding;

typedef struct conclusion {
    verdict verdict;
    bool has_class;
    size_t class;    /* that most methods point at, the first of several */
    size_t agreeing; /* methods that point at it or, beside one that does, at no class */
    bool weak;       /* whether no more than weak signs were seen */
    size_t pointing; /* methods that see anything, those that give hints not counted */
    size_t looked;   /* of these methods, those that came to an end, or see something */
} conclusion;

/* Whether the model's accuracy is that of a model of these images at all: the low end of its
 * interval is a fifth or more of the way from `chance` to 1. */
bool verdict_is_plausible(const td_rate *accuracy, double chance);

/* - Not judged: the accuracy is not plausible.
 * - Likely: signs of two methods at the same class, or of one at a class and another at inputs
 *   or the model.
 * - Suspected: any sign, even a weak one.
 * - Nothing found: an inspector came to an end and saw nothing.
 * - Inconclusive: none did. */
conclusion verdict_on(const td_rate *accuracy, double chance, const verdict_finding *found,
                      size_t count);

#endif
