/* SPDX-License-Identifier: MIT */
/* Pruning by a threshold on a score of each channel of the batch norms, over a sweep of thresholds:
 * what is pruned at each, what accuracy on held-out clean images is left, and, for measurement
 * alone, the ASR. The method's threshold is the strongest that may be chosen; held-out clean images
 * alone decide whether a weaker one is. Shared by the repairs that score channels. */
#ifndef TOOLS_DEFEND_REPAIR_SWEEP_H
#define TOOLS_DEFEND_REPAIR_SWEEP_H

#include "defend/repair/norms.h"
#include "defend/repair/repair.h"

enum { SWEEP_MOST_POINTS = 32 };

/* What becomes of a pruned channel's norm. */
enum {
    SWEEP_WEIGHT, /* its weight is 0: it gives its bias wherever it is */
    SWEEP_BOTH,   /* weight and bias are 0: it gives 0 */
};

typedef struct sweep_settings {
    double threshold, tolerance;
    int zero; /* SWEEP_WEIGHT or SWEEP_BOTH */
} sweep_settings;

/* The keys of a sweep_settings at `place` of the settings; the defaults are texts. */
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

/* --preset, an int at `place`; `differs`: what BackdoorBench has otherwise, "--zero both". Its
 * values are given to the other options by the method's check. */
#define SWEEP_PRESET_KEY(place, differs)                                                           \
    {                                                                                              \
        .name = "preset", .kind = TD_KEY_WORD, .offset = place, .words = sweep_presets,            \
        .standard = "paper", .value = "NAME",                                                      \
        .help = "Defaults of the paper, or of backdoorbench: " differs                             \
    }

extern const char *const sweep_zero_words[], *const sweep_presets[];

typedef struct sweep {
    const repair_norms *norms;
    const double *scores; /* [norms->channels]; NaN: the channel is never pruned */
    bool masks;           /* pruned is what scores up to the threshold; else what scores above it */
    double first, step;   /* the thresholds: first, first + step, ..., the strongest last */
    size_t count;         /* of them */
} sweep;

typedef struct sweep_point {
    double threshold; /* NaN: nothing is pruned */
    size_t pruned;
    td_rate accuracy;
    signed char chosen; /* 1: this is what is made of the model; else -1 */
    td_rate asr[REPAIR_MOST_TRIGGERS];
} sweep_point;

/* The batch norms of the job's net, and room for a score of each channel; both in the run's arena.
 * TD_ERR_USAGE, naming the model, where there is none. */
td_status repair_norms_of(repair_job *job, repair_norms *norms, double **scores,
                          td_error *error) TD_MUST_USE;

/* The points of the sweep, the weakest first: nothing pruned, then its thresholds and `own` among
 * them, with what each prunes. Returns how many. */
size_t sweep_points(const sweep *sweep, double own, sweep_point points[SWEEP_MOST_POINTS]);

/* Prunes by the threshold (NaN: nothing) in `weights`. */
void sweep_prune(const sweep *sweep, double threshold, int zero, float *weights);

/* The strongest point, up to that of the threshold `own`, such that neither it nor a weaker one
 * takes more than `tolerance` from the accuracy; that of `own` if no accuracy was measured. */
size_t sweep_choose(const sweep_point *points, size_t count, double own, double tolerance);

/* Measures the points on the images that are held out (if there are none, on --test, which then
 * chooses nothing), prunes the job's weights by the point that is chosen, adds the tables, and says
 * what was done. TD_ERR_INTERRUPTED. */
td_status sweep_run(repair_job *job, const sweep *sweep, const sweep_settings *settings,
                    td_error *error) TD_MUST_USE;

/* The same by how many standard deviations values[norms->channels] lie above the mean of their norm
 * (norms_standardise, in place), by thresholds from 10 to 0. TD_ERR_USAGE, naming the model, where
 * no channel can reach the settings' threshold. */
td_status sweep_deviations(repair_job *job, const repair_norms *norms, double *values,
                           const sweep_settings *settings, td_error *error) TD_MUST_USE;

/* The same for masks[norms->channels] in [0, 1], by thresholds from 0 to 0.95: pruned are channels
 * whose mask is at most the threshold. */
td_status sweep_masks(repair_job *job, const repair_norms *norms, const float *masks,
                      const sweep_settings *settings, td_error *error) TD_MUST_USE;

#endif
