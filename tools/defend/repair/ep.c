/* SPDX-License-Identifier: MIT */
/* EP: on a poisoned training set, a channel that reacts to the trigger has two groups of values,
 * for triggered and other images, and therefore low entropy. Zheng, Tang, Li and Liu,
 * "Pre-activation distributions expose backdoor neurons", NeurIPS 2022, section 3.
 *
 * Batch norms: the images pass in inference mode; running statistics are unchanged. The result is
 * the model with a norm weight of 0 for the pruned channels. */
#include "defend/repair/ep.h"
#include "defend/method.h"
#include "defend/repair/sweep.h"
#include <math.h>

enum { DRAW = 16 }; /* of TD_FOR_REPAIR */

typedef struct ep_settings {
    const char *data;
    size_t images;
    double width;
    sweep_settings sweep;
    int preset;
} ep_settings;

/* Draws the images from the training set, without those in --test or --validate. */
static td_status draw(repair_job *job, const ep_settings *s, td_dataset *data, td_images *out,
                      td_error *error) {
    enum { LEAST = 20 };
    td_images all;
    TD_TRY(tool_run_dataset(job->run, s->data, "train", data, error));
    TD_TRY(defend_check_data(data, job->net, error));
    TD_TRY(repair_clean(&job->truth, data, "--data", NULL, &all, error));
    if (all.count < LEAST)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least %d images, found %zu", s->data,
                       LEAST, all.count);
    return repair_draw(job, &all, s->images, DRAW, out, error);
}

/* How far a channel's entropy is below the mean, in deviations. */
static td_status score(repair_job *job, const ep_settings *s, const repair_norms *norms,
                       double *scores, td_error *error) {
    td_dataset data = {0};
    td_images seen;
    td_status status = draw(job, s, &data, &seen, error);
    if (status == TD_OK)
        status =
            ep_entropies(job->run, job->net, job->weights, norms, &seen, s->width, scores, error);
    td_dataset_close(&data);
    TD_TRY(status);
    for (size_t c = 0; c < norms->channels; c++)
        scores[c] = -scores[c];
    repair_say(job, "%zu images of %s looked at", seen.count, s->data);
    return TD_OK;
}

static td_status run(repair_job *job, td_error *error) {
    const ep_settings *s = job->run->own;
    repair_norms norms;
    double *scores;
    TD_TRY(repair_norms_of(job, &norms, &scores, error));
    TD_TRY(score(job, s, &norms, scores, error));
    return sweep_deviations(job, &norms, scores, &s->sweep, error);
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    static const tool_preset backdoorbench[] = {
        {"images", "256"}, {"bin-width", "0.1"}, {"zero", "both"}, {0}};
    const ep_settings *s = own;
    return s->preset == SWEEP_BACKDOORBENCH ? tool_settings_preset(settings, backdoorbench, error)
                                            : TD_OK;
}

static const repair ep = {.run = run};

#define AT(field) offsetof(ep_settings, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "The training set that is suspected to be poisoned (split train); its labels are not "
             "used"},
    {"images", TD_KEY_COUNT, AT(images), .least = 2, .most = 1000000, .standard = "500",
     .value = "N", .help = "Images of it to look at, drawn at random"},
    {"bin-width", TD_KEY_REAL, AT(width), .least = 1e-6, .most = 100, .standard = "0.01",
     .value = "X", .help = "Width of the histograms' bins, in standard deviations of a channel"},
    SWEEP_THRESHOLD_KEY(AT(sweep), "3", 100,
                        "Prune channels more than X standard deviations below their layer's mean "
                        "(the paper's u)"),
    SWEEP_TOLERANCE_KEY(AT(sweep)),
    SWEEP_ZERO_KEY(AT(sweep), "weight"),
    SWEEP_PRESET_KEY(AT(preset), "--images 256 --bin-width 0.1 --zero both"),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "needs some hundred images of the poisoned training set and no clean one. It takes the "
    "largest input of each channel of a batch norm for an image and the entropy of its histogram "
    "over the images, and prunes channels whose entropy lies more than --threshold standard "
    "deviations below the mean of their layer: triggered images are a group apart there."
    "\v"
    "It sweeps thresholds from 10 to 0 and prints what each prunes. With --validate DATA it also "
    "prints the accuracy on these clean images, and takes a weaker threshold where that would "
    "fall by more than --tolerance; without it the threshold is used unchanged. A channel that is "
    "the same for all images is neither judged nor pruned. The statistics of the batch norms do "
    "not change.\n"
    "\n"
    "Of n channels none can lie further than (n - 1)/sqrt(n) deviations from the mean: use a "
    "lower --threshold for layers of 10 channels or fewer.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend ep --model model.safetensors \\\n"
    "    --data sets/poisoned.safetensors \\\n"
    "    --validate fashion-mnist:test:0-1000 \\\n"
    "    --test fashion-mnist:test:1000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

const tool_method defend_ep = {
    .name = "ep",
    .title = "Entropy-based pruning",
    .source = "Zheng et al., NeurIPS 2022",
    .doc = "prunes channels of low entropy on the poisoned set",
    .help = help,
    .usage = "--model MODEL --data DATA -o REPAIRED",
    .family = &repairs_without_clean,
    .groups = groups,
    .size = sizeof(ep_settings),
    .check = check,
    .math = &ep,
};
