/* SPDX-License-Identifier: MIT */
/* What the three attacks of Carlini and Wagner ("Towards evaluating the robustness of neural
 * networks", IEEE S&P 2017) have in common: Adam on w, where x' = (tanh w + 1) / 2, against
 *
 *     D(x') + c · f(x'),   f(x') = max(max{Z_i: i != t} − Z_t, −K) + K
 *
 * with logits Z, target t, confidence K and distance D, all in units of the pixel range; without a
 * target, the label's logit is to be below another one. Each image has its own c and goes through
 * its own phases, whatever the others do.
 *
 * The net is shown x' rounded to whole pixel values, so that what is judged is what is written, and
 * its gradient is taken for that at x'. */
#ifndef TOOLS_EVADE_CW_H
#define TOOLS_EVADE_CW_H

#include "evade/attack.h"

typedef struct cw_settings {
    evade_own shared;
    double confidence;
    size_t iterations;
    double learning_rate, constant;
    size_t binary_search; /* of cw-l2 alone */
} cw_settings;

#define CW_AT(field) offsetof(cw_settings, field)

/* The rows of all three, with the defaults of one. */
/* clang-format off */
#define CW_KEYS(rate, weight)                                                                      \
    {"confidence", TD_KEY_REAL, CW_AT(confidence), .most = INFINITY, .standard = "0",              \
     .value = "K", .help = "Margin of the wanted logit over the others"},                  \
    {"iterations", TD_KEY_COUNT, CW_AT(iterations), .least = 1, .most = 1e6, .standard = "1000",   \
     .value = "N", .help = "Most iterations for each value of the constant"},                      \
    {"learning-rate", TD_KEY_REAL, CW_AT(learning_rate), .most = INFINITY, .above = true,          \
     .standard = rate, .field = "learning-rate", .value = "R", .help = "Of Adam"},                 \
    {"constant", TD_KEY_REAL, CW_AT(constant), .most = INFINITY, .above = true,                    \
     .standard = weight, .value = "C",                                                             \
     .help = "Initial weight of the logits against the distance"}
/* clang-format on */

/* The state of one image. */
typedef struct cw_image {
    double constant;
    size_t iteration; /* of this phase */
    size_t adam;      /* steps that Adam has made */
    double checked;   /* the loss when progress was last looked at */
    double best;      /* least distance of a success, INFINITY before the first */
    size_t searched;  /* cw-l2: phases of the binary search */
    double lower, upper;
    bool found;   /* cw-l2: a success in this phase */
    size_t bound; /* cw-linf: the largest change that is not punished, in whole pixel values */

    /* Of the last pass: */
    double gap;  /* f without its bound: above -K while the attack has not succeeded */
    double loss; /* D + c · f */
    double distance;
} cw_image;

typedef struct cw cw;

/* One attack. */
typedef struct cw_kind {
    double (*distance)(const cw *c, size_t image, float *gradient); /* D; adds ∂D/∂x' */
    /* Decides on the next phase after a pass: whether the image goes on with an Adam step. If not,
     * it is finished (batch->done), or cw_restart has set it anew. */
    bool (*advance)(cw *c, size_t image);
} cw_kind;

struct cw {
    evade_batch *batch;
    const cw_settings *settings; /* the batch's */
    const cw_kind *kind;
    cw_image *images;         /* [count] */
    float *w, *mean, *square; /* [count, size]; Adam's moments */
    float *x;                 /* [count, size]: x', raw pixels */
    float *shown;             /* [count, size]: x' rounded, what the net was asked about */
    float *slope;             /* [count, size]: ∂gap/∂x', in units of the pixel range */
    float *scratch;           /* [count, size] */
    float *kept;              /* [count, size]: the last success kept; the clean image before */
    bool *fixed;              /* [count, places]: pixels that keep their clean values */
};

/* Runs the attack until every image is finished. */
td_status cw_run(evade_batch *batch, const cw_kind *kind, td_error *error) TD_MUST_USE;

/* Begins a phase at `from` [size], raw pixels, with Adam anew. */
void cw_restart(cw *c, size_t image, const float *from);

/* Whether the last pass was a success, by the confidence asked for. */
bool cw_succeeded(const cw *c, size_t image);

/* Takes what the net was shown last as the result. */
void cw_keep(cw *c, size_t image);

/* Whether the phase has used its iterations, or no longer gets anywhere: each tenth of them the
 * loss must have fallen. */
bool cw_is_stuck(cw *c, size_t image);

/* ‖x' − x‖² of x' before rounding; adds its gradient. */
double cw_squared_distance(const cw *c, size_t image, float *gradient);

#endif
