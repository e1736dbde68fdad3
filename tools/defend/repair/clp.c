/* SPDX-License-Identifier: MIT */
/* CLP: channels that react to a trigger amplify more than the others, which their weights alone
 * show. Zheng, Tang, Li and Liu, "Data-free backdoor removal based on channel Lipschitzness", ECCV
 * 2022.
 *
 * Batch norms: no image passes, so nothing changes. The result is the model with norm weight and
 * bias 0 for the pruned channels. */
#include "defend/repair/clp.h"
#include "defend/method.h"
#include "defend/repair/sweep.h"

static td_status run(repair_job *job, td_error *error) {
    const sweep_settings *s = job->run->own;
    repair_norms norms;
    double *scores;
    size_t skipped;
    TD_TRY(repair_norms_of(job, &norms, &scores, error));
    TD_TRY(clp_bounds(job->run, job->net, job->weights, &norms, scores, &skipped, error));
    if (skipped == norms.count)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a batch norm that a convolution, or a sum of some, feeds, "
                       "found none",
                       job->settings->model.path);
    if (skipped > 0)
        tool_run_note(
            job->run,
            "note: %zu of %zu batch norms are not fed by a convolution and stay unchanged", skipped,
            norms.count);
    return sweep_deviations(job, &norms, scores, s, error);
}

static const repair clp = {.run = run};

static const td_key keys[] = {
    SWEEP_THRESHOLD_KEY(0, "3", 100,
                        "Prune channels more than X standard deviations above their layer's mean "
                        "(the paper's u)"),
    SWEEP_TOLERANCE_KEY(0),
    SWEEP_ZERO_KEY(0, "both"),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "needs no images: it bounds the Lipschitz constant of each channel of a convolution and the "
    "batch norm after it, by the largest singular value of the filter and the norm's scale, and "
    "prunes those that lie more than --threshold standard deviations above the mean of their "
    "layer."
    "\v"
    "It sweeps thresholds from 10 to 0 and prints what each prunes. With --validate DATA it also "
    "prints the accuracy on these clean images, and takes a weaker threshold where that would "
    "fall by more than --tolerance; without it the threshold is used unchanged.\n"
    "\n"
    "Of n channels none can lie further than (n - 1)/sqrt(n) deviations above the mean: 3 prunes "
    "nothing in layers of 10 channels or fewer, and finds at most 6 equal outliers among 64. Use "
    "a lower --threshold for narrow nets.\n"
    "\n"
    "A batch norm that a sum feeds, as in pre-activation nets, is judged by the filters of all "
    "convolutions in the sum. One that no convolution feeds stays as it is. The statistics of the "
    "batch norms do not change.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend clp --model model.safetensors \\\n"
    "    --validate fashion-mnist:test:0-1000 \\\n"
    "    --test fashion-mnist:test:1000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

const tool_method defend_clp = {
    .name = "clp",
    .title = "Channel Lipschitzness-based pruning",
    .source = "Zheng et al., ECCV 2022",
    .doc = "prunes channels that amplify most; needs no images",
    .help = help,
    .family = &repairs_without_clean,
    .groups = groups,
    .size = sizeof(sweep_settings),
    .math = &clp,
};
