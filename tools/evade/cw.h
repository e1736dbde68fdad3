/* SPDX-License-Identifier: MIT */
/* Common code of the three attacks of Carlini and Wagner ("Towards evaluating the robustness of
 * neural networks", IEEE S&P 2017): Adam on w, where x' = (tanh w + 1) / 2, against
 *
 *     D(x') + c · f(x'),   f(x') = max(max{Z_i: i != t} − Z_t, −K) + K
 *
 * with logits Z, target t, confidence K and distance D, all in units of the pixel range; without a
 * target, the label's logit must fall below another one. Each image has its own c and its own
 * phases, independent of the others.
 *
 * The net is evaluated at x' rounded to whole pixel values, as written to the file, and the
 * gradient there is used as the gradient at x'. */
#ifndef TOOLS_EVADE_CW_H
#define TOOLS_EVADE_CW_H

#include "evade/attack.h"

typedef struct cw_settings {
    evade_own shared;
    double confidence;
    size_t iterations;
    double learning_rate, constant;
    size_t binary_search; /* only for cw-l2 */
} cw_settings;

#define CW_AT(field) offsetof(cw_settings, field)

/* Key rows of all three, with the defaults of one. */
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
    size_t adam;      /* Adam steps so far */
    double checked;   /* the loss at the last progress check */
    double best;      /* smallest distance of a success, INFINITY before the first */
    size_t searched;  /* cw-l2: binary search phases */
    double lower, upper;
    bool found;   /* cw-l2: a success in this phase */
    size_t bound; /* cw-linf: the largest change without penalty, in whole pixel values */

    /* From the last pass: */
    double gap;  /* f without its bound: above -K until the attack succeeds */
    double loss; /* D + c · f */
    double distance;
} cw_image;

typedef struct cw cw;

/* One of the attacks. */
typedef struct cw_kind {
    double (*distance)(const cw *c, size_t image, float *gradient); /* D; adds ∂D/∂x' */
    /* Chooses the next phase after a pass. Returns whether the image continues with an Adam step.
     * If not, it is finished (batch->done), or cw_restart has restarted it. */
    bool (*advance)(cw *c, size_t image);
} cw_kind;

struct cw {
    evade_batch *batch;
    const cw_settings *settings; /* the batch's */
    const cw_kind *kind;
    cw_image *images;         /* [count] */
    float *w, *mean, *square; /* [count, size]; Adam's moments */
    float *x;                 /* [count, size]: x', raw pixels */
    float *shown;             /* [count, size]: x' rounded, the net's input */
    float *slope;             /* [count, size]: ∂gap/∂x', in units of the pixel range */
    float *scratch;           /* [count, size] */
    float *kept;              /* [count, size]: the last success; before that the clean image */
    bool *fixed;              /* [count, places]: pixels fixed at their clean values */
};

/* Runs the attack until every image is finished. */
td_status cw_run(evade_batch *batch, const cw_kind *kind, td_error *error) TD_MUST_USE;

/* Starts a phase at `from` [size], raw pixels, and resets Adam. */
void cw_restart(cw *c, size_t image, const float *from);

/* Whether the last pass was a success at the requested confidence. */
bool cw_succeeded(const cw *c, size_t image);

/* Stores the net's last input as the result. */
void cw_keep(cw *c, size_t image);

/* Whether the phase has used up its iterations or stalled: in each tenth of them the loss must
 * fall. */
bool cw_is_stuck(cw *c, size_t image);

/* ‖x' − x‖² of x' before rounding; adds its gradient. */
double cw_squared_distance(const cw *c, size_t image, float *gradient);

#endif
