/* SPDX-License-Identifier: MIT */
/* The rules by which an audit draws its conclusion from the methods' findings. */
#ifndef TOOLS_DEFEND_AUDIT_VERDICT_H
#define TOOLS_DEFEND_AUDIT_VERDICT_H

#include "measure/rates.h"
#include <stdbool.h>
#include <stddef.h>

typedef enum verdict {
    VERDICT_NOT_JUDGED,   /* the model is no better than chance on the clean images */
    VERDICT_INCONCLUSIVE, /* nothing found, and no inspector finished */
    VERDICT_NOTHING,      /* nothing found */
    VERDICT_SUSPECTED,    /* one method found something */
    VERDICT_LIKELY,       /* methods that work differently agree */
} verdict;

/* "cannot-be-judged", "inconclusive", "nothing-found", "backdoor-suspected", "backdoor-likely". */
extern const char *const verdict_names[];

/* What a method examines. */
typedef enum verdict_source {
    SOURCE_MODEL,    /* an inspector: the model's classes */
    SOURCE_TRAINING, /* a filter: classes of its training set */
    SOURCE_INPUTS,   /* a detector: inputs received in use */
} verdict_source;

/* The weight of a method's finding. */
typedef enum verdict_weight {
    WEIGHT_SIGN, /* usually caused by a trigger: such methods may agree */
    WEIGHT_WEAK, /* may have other causes: for squeezing, an adversarial example */
    WEIGHT_HINT, /* clean models trigger it as well: printed, but without effect on the verdict */
} verdict_weight;

/* The result of one method. */
typedef struct verdict_finding {
    verdict_source source;
    verdict_weight weight;
    bool whole;            /* it finished, with a verdict, on all data */
    const size_t *classes; /* flagged classes */
    size_t class_count;
    bool other; /* it flags no class, but the model, or more of the inputs than of clean ones */
} verdict_finding;

typedef struct conclusion {
    verdict verdict;
    bool has_class;
    size_t class;    /* the class that most methods flag; the first of several */
    size_t agreeing; /* methods that flag it or, if any does, flag something without a class */
    bool weak;       /* only weak signs were found */
    size_t pointing; /* methods that found anything, without those that give hints */
    size_t looked;   /* of these methods, those that finished or found something */
} conclusion;

/* Whether the accuracy is plausible for a model of these images: the low end of its interval is at
 * least a fifth of the way from `chance` to 1. */
bool verdict_is_plausible(const td_rate *accuracy, double chance);

/* - Not judged: the accuracy is not plausible.
 * - Likely: two methods with signs at the same class, or one with a sign at a class and another at
 *   inputs or the model.
 * - Suspected: any sign, even a weak one.
 * - Nothing found: an inspector finished and found nothing.
 * - Inconclusive: none did. */
conclusion verdict_on(const td_rate *accuracy, double chance, const verdict_finding *found,
                      size_t count);

#endif
