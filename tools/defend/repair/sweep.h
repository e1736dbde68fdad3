/* SPDX-License-Identifier: MIT */
/* Prunes channels of batch norms by a threshold on a score, swept over several thresholds: for
 * each, what is pruned, the accuracy on held-out clean images and, only for evaluation, the ASR.
 * The method's threshold is the strongest that may be chosen; only held-out clean images decide
 * whether to choose a weaker one. Shared by the repairs that score channels. */
#ifndef TOOLS_DEFEND_REPAIR_SWEEP_H
#define TOOLS_DEFEND_REPAIR_SWEEP_H

#include "defend/repair/norms.h"
#include "defend/repair/repair.h"

enum { SWEEP_MOST_POINTS = 32 };

/* How the norm of a pruned channel changes. */
enum {
    SWEEP_WEIGHT, /* its weight becomes 0: it outputs its bias everywhere */
    SWEEP_BOTH,   /* weight and bias become 0: it outputs 0 */
};

typedef struct sweep_settings {
    double threshold, tolerance;
    int zero; /* SWEEP_WEIGHT or SWEEP_BOTH */
} sweep_settings;

/* The keys of a sweep_settings at `place` of the settings; the defaults are text. */
#define SWEEP_THRESHOLD_KEY(place, default_, largest, what)                                        \
    {                                                                                              \
        .name = "threshold", .kind = TD_KEY_REAL,                                                  \
        .offset = (place) + offsetof(sweep_settings, threshold), .most = largest,                  \
        .standard = default_, .value = "X", .help = what                                           \
    }
#define SWEEP_TOLERANCE_KEY(place)                                                                 \
    {                                                                                              \
        .name = "tolerance", .kind = TD_KEY_REAL,                                                  \
        .offset = (place) + offsetof(sweep_settings, tolerance), .most = 1, .standard = "0.02",    \
        .value = "X",                                                                              \
        .help = "Take a weaker threshold if the accuracy on held-out clean images would "          \
                "fall by more than X; 1: never"                                                    \
    }
#define SWEEP_ZERO_KEY(place, default_)                                                            \
    {                                                                                              \
        .name = "zero", .kind = TD_KEY_WORD, .offset = (place) + offsetof(sweep_settings, zero),   \
        .words = sweep_zero_words, .standard = default_, .value = "WHAT",                          \
        .help = "Set the weight of a pruned channel's norm to 0, or weight and bias"               \
    }

enum { SWEEP_PAPER, SWEEP_BACKDOORBENCH };

/* --preset, an int at `place`; `differs`: BackdoorBench's differences, "--zero both". The method's
 * check applies its values to the other options. */
#define SWEEP_PRESET_KEY(place, differs)                                                           \
    {                                                                                              \
        .name = "preset", .kind = TD_KEY_WORD, .offset = place, .words = sweep_presets,            \
        .standard = "paper", .value = "NAME",                                                      \
        .help = "Defaults of the paper, or of backdoorbench: " differs                             \
    }

extern const char *const sweep_zero_words[], *const sweep_presets[];

typedef struct sweep {
    const repair_norms *norms;
    const double *scores; /* [norms->channels]; NaN: never pruned */
    bool masks;           /* prunes scores up to the threshold; otherwise scores above it */
    double first, step;   /* the thresholds: first, first + step, ..., the strongest last */
    size_t count;         /* number of thresholds */
} sweep;

typedef struct sweep_point {
    double threshold; /* NaN: prunes nothing */
    size_t pruned;
    td_rate accuracy;
    signed char chosen; /* 1: the chosen point; else -1 */
    td_rate asr[REPAIR_MOST_TRIGGERS];
} sweep_point;

/* Finds the batch norms of the job's net, and allocates a score for each channel; both in the run's
 * arena. TD_ERR_USAGE, naming the model, if there is none. */
td_status repair_norms_of(repair_job *job, repair_norms *norms, double **scores,
                          td_error *error) TD_MUST_USE;

/* The points of the sweep, weakest first: nothing pruned, then its thresholds including `own`, with
 * the number pruned at each. Returns the number of points. */
size_t sweep_points(const sweep *sweep, double own, sweep_point points[SWEEP_MOST_POINTS]);

/* Prunes by the threshold (NaN: nothing) in `weights`. */
void sweep_prune(const sweep *sweep, double threshold, int zero, float *weights);

/* The strongest point, up to that of the threshold `own`, such that neither it nor a weaker one
 * costs more than `tolerance` of the accuracy; that of `own` if no accuracy was measured. */
size_t sweep_choose(const sweep_point *points, size_t count, double own, double tolerance);

/* Measures the points on the held-out images (if there are none, on --test, without choosing by
 * it), prunes the job's weights by the chosen point, adds the tables, and reports what was done.
 * TD_ERR_INTERRUPTED. */
td_status sweep_run(repair_job *job, const sweep *sweep, const sweep_settings *settings,
                    td_error *error) TD_MUST_USE;

/* The same, scoring by how many standard deviations values[norms->channels] are above the mean of
 * their norm (norms_standardise, in place), with thresholds from 10 to 0. TD_ERR_USAGE, naming the
 * model, if no channel can reach the settings' threshold. */
td_status sweep_deviations(repair_job *job, const repair_norms *norms, double *values,
                           const sweep_settings *settings, td_error *error) TD_MUST_USE;

/* The same for masks[norms->channels] in [0, 1], with thresholds from 0 to 0.95: prunes channels
 * whose mask is at most the threshold. */
td_status sweep_masks(repair_job *job, const repair_norms *norms, const float *masks,
                      const sweep_settings *settings, td_error *error) TD_MUST_USE;

#endif
