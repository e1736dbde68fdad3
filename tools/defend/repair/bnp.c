/* SPDX-License-Identifier: MIT */
/* BNP: a batch norm's running statistics come from clean and triggered images, while its inputs on
 * clean images come only from these; the channels where the two differ most react to triggers.
 * Zheng, Tang, Li and Liu, "Pre-activation distributions expose backdoor neurons", NeurIPS 2022,
 * section 4.
 *
 * Batch norms: clean images pass in inference mode; running statistics are unchanged. The result is
 * the model with a norm weight of 0 for the pruned channels. */
#include "defend/repair/bnp.h"
#include "defend/method.h"
#include "defend/repair/sweep.h"
#include <math.h>

enum { DRAW = 16 }; /* of TD_FOR_REPAIR */

typedef struct bnp_settings {
    repair_selection selection;
    sweep_settings sweep;
    size_t images;
    int preset;
} bnp_settings;

static td_status run(repair_job *job, td_error *error) {
    const bnp_settings *s = job->run->own;
    repair_norms norms;
    td_images seen;
    double *scores;
    TD_TRY(repair_norms_of(job, &norms, &scores, error));
    TD_TRY(repair_draw(job, &job->learned, s->images, DRAW, &seen, error));
    TD_TRY(bnp_divergences(job->run, job->net, job->weights, &norms, &seen, scores, error));
    repair_say(job, "%zu clean images compared with the running statistics", seen.count);
    return sweep_deviations(job, &norms, scores, &s->sweep, error);
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    static const tool_preset backdoorbench[] = {{"zero", "both"}, {0}};
    const bnp_settings *s = own;
    return s->preset == SWEEP_BACKDOORBENCH ? tool_settings_preset(settings, backdoorbench, error)
                                            : TD_OK;
}

static const repair bnp = {.selects = true, .run = run};

#define AT(field) offsetof(bnp_settings, field)

static const td_key keys[] = {
    {"images", TD_KEY_COUNT, AT(images), .least = 2, .most = 1000000, .standard = "500",
     .value = "N", .help = "Clean images to compare with, drawn at random"},
    SWEEP_THRESHOLD_KEY(AT(sweep), "3", 100,
                        "Prune channels more than X standard deviations above their layer's mean "
                        "(the paper's u)"),
    SWEEP_TOLERANCE_KEY(AT(sweep)),
    SWEEP_ZERO_KEY(AT(sweep), "weight"),
    SWEEP_PRESET_KEY(AT(preset), "--zero both"),
    {0},
};

static const tool_keys groups[] = {{.keys = repair_selection_keys}, {.keys = keys}, {0}};

static const char help[] =
    "compares the statistics of each channel of a batch norm on some hundred clean images with "
    "its running statistics, by the Kullback-Leibler divergence of two normal distributions, and "
    "prunes channels that lie more than --threshold standard deviations above the mean of their "
    "layer."
    "\v"
    "The running statistics must come from the poisoned training: after fine-tuning on clean "
    "images they carry no information. They do not change.\n"
    "\n"
    "It sweeps thresholds from 10 to 0, prints the accuracy on held-out clean images at each, and "
    "takes a weaker one if --threshold costs more than --tolerance. Of n channels none can lie "
    "further than (n - 1)/sqrt(n) deviations above the mean: use a lower --threshold for layers "
    "of 10 channels or fewer.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend bnp --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --test fashion-mnist:test:1000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

const tool_method defend_bnp = {
    .name = "bnp",
    .title = "Batch-norm-statistics-based pruning",
    .source = "Zheng et al., NeurIPS 2022",
    .doc = "prunes channels whose clean statistics differ",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(bnp_settings),
    .check = check,
    .math = &bnp,
};
