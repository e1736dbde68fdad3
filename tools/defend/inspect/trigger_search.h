/* SPDX-License-Identifier: MIT */
/* DeepInspect's search (Chen et al., IJCAI 2019, sections 4.2 and 4.3): a generator of changes is
 * trained against the inspected model f, whose weights are fixed, on substitute images x. Example i
 * of a step has its own class t and an image of another class; the loss is the mean of
 *
 *     NLL(f(x'), t) + g1 · (f_t(x') − 1)² + g2_t · max(0, |G|₁ − gamma),   x' = clip(x + G(z, t))
 *
 * with |G|₁ in units of the pixel range. The paper tunes g2 until triggers succeed on about 95 %.
 * Here each class has its own g2, which grows while its triggers reach that rate and falls while
 * they do not: sizes of different classes are comparable only at equal success. Of all triggers
 * during the search, those with the least mean size that reach the rate are kept.
 *
 * The paper does not say where the search starts. Here the first fifth of the steps trains the
 * generator towards changes that were found without gradients. */
#ifndef TOOLS_DEFEND_INSPECT_TRIGGER_SEARCH_H
#define TOOLS_DEFEND_INSPECT_TRIGGER_SEARCH_H

#include "data/images.h"
#include "defend/inspect/generator.h"
#include "frame/run.h"

/* Examples per step; triggers kept per class. */
enum { SEARCH_BATCH = 64, SEARCH_KEPT = 16 };

typedef struct search_settings {
    size_t steps;
    double gamma; /* the size below which there is no penalty */
    double rate;  /* the success rate to reach, above 0 and at most 1 */
} search_settings;

/* The result for a class. */
typedef struct search_class {
    bool reached;        /* its triggers reach the rate; otherwise they are the closest ones */
    double size;         /* mean |G|₁ of the kept triggers, in units of the pixel range */
    td_rate asr;         /* of the kept triggers, on substitute images of other classes */
    float *triggers;     /* [SEARCH_KEPT, image]: changes, whole pixel values from -255 to 255 */
    double g2;           /* the final value */
    size_t hits, trials; /* of the steps since g2 was last set */
} search_class;

/* The state of a search. */
typedef struct search {
    tool_run *run; /* provides the seed and shows the steps */
    const search_settings *settings;
    const td_images *images;
    size_t size, classes; /* values of an image */
    generator generator;
    td_exec *model;
    int32_t targets[SEARCH_BATCH];
    uint32_t sources[SEARCH_BATCH]; /* each example's image */
    const float *values;            /* [SEARCH_BATCH, size]: the generator's output */
    float *change;                  /* the same as images, in pixel values */
    float *clean, *shown;           /* the same: x and x' */
    float *probabilities;           /* [SEARCH_BATCH, classes] */
    double sizes[SEARCH_BATCH];
    const float *slope;  /* gradient of x' */
    float *starts;       /* [classes, size]: the triggers at the start, in units of the range */
    search_class *found; /* [classes] */
    bool has_gradient;   /* a gradient of x' was not 0 (backward.h) */
} search;

/* `images` has equally many images per class, in class order, as inversion gives them. Fills
 * `classes` [of the net], whose triggers are in the run's arena, and finds the start of the search.
 * TD_ERR_FORMAT for a net of fewer than two classes; TD_ERR_INTERRUPTED. On failure *s is zeroed.
 */
td_status search_open(search *s, tool_run *run, const td_net *net, const float *weights,
                      const td_images *images, const search_settings *settings,
                      search_class *classes, td_error *error) TD_MUST_USE;
void search_close(search *s); /* accepts a zeroed search */

/* Draws the examples of a step, numbered from 1. */
void search_draw(search *s, size_t step);

/* The loss of the drawn examples; writes its gradient to the generator's. */
double search_loss(search *s);

/* The mean of |G − start|² over the drawn examples; writes its gradient to the generator's. */
double search_start_loss(search *s);

/* Runs all steps. TD_ERR_NUMERIC if the loss is not finite; TD_ERR_INTERRUPTED. */
td_status search_run(search *s, td_error *error) TD_MUST_USE;

#endif
