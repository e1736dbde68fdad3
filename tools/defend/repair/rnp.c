/* SPDX-License-Identifier: MIT */
/* RNP: a model that unlearns clean images loses its clean neurons; masks that recover the task
 * leave backdoor neurons masked. Li, Lyu, Ma, Koren, Lyu, Li and Jiang, "Reconstructive neuron
 * pruning for backdoor defense", ICML 2023.
 *
 * Batch norms: in unlearning and recovering, batch statistics normalise; only the unlearning copy
 * updates its running statistics. The result is the original model with a norm weight of 0 for
 * channels whose mask is low; biases and statistics are unchanged. */
#include "defend/repair/rnp.h"
#include "defend/method.h"
#include "defend/repair/sweep.h"
#include "defend/repair/tuning.h"
#include <math.h>
#include <string.h>

typedef struct rnp_settings {
    repair_selection selection;
    masked_options masks;
    rnp_options rnp;
    sweep_settings sweep;
} rnp_settings;

#define AT(field) offsetof(rnp_epoch, field)

static const tool_column epoch_columns[] = {
    {"epoch", "epoch", TOOL_COUNT, AT(number)},
    {"loss", "loss", TOOL_REAL, AT(loss)},
    {"accuracy", "training accuracy", TOOL_REAL, AT(accuracy)},
    {0},
};

static const tool_chart epoch_charts[] = {
    {"Loss in unlearning", TOOL_CHART_LINES, "epoch", {"loss"}}, {0}};

static const tool_table_kind epoch_table = {.name = "unlearning",
                                            .title = "Unlearning",
                                            .columns = epoch_columns,
                                            .row = sizeof(rnp_epoch),
                                            .charts = epoch_charts,
                                            .drawn = true};

/* The model's weights, unlearned, in the run's arena. */
static td_status unlearn(repair_job *job, const rnp_settings *s, float **weights, td_error *error) {
    const size_t size = job->net->weight_count;
    rnp_epoch *epochs;
    size_t count;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, size, weights, "weights", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, s->rnp.unlearn_epochs, &epochs, "epochs", error));
    memcpy(*weights, job->weights, size * sizeof **weights);
    TD_TRY(rnp_unlearn(job->run, job->net, *weights, &job->learned, s->masks.batch, &s->rnp, epochs,
                       &count, error));
    const double left = epochs[count - 1].accuracy;
    if (left > s->rnp.stop)
        tool_run_note(
            job->run,
            "warning: after %zu epochs of unlearning the accuracy is %.2f, above the %g of "
            "--stop; more --unlearn-epochs or a larger --unlearn-lr may help",
            count, left, s->rnp.stop);
    repair_say(job, "unlearned in %zu epochs on %zu images", count, job->learned.count);
    return tool_run_rows(job->run, &epoch_table, NULL, epochs, count, error);
}

static td_status work(repair_job *job, masked *m, td_error *error) {
    const rnp_settings *s = job->run->own;
    repair_norms norms; /* found before the work */
    double *scores;
    float *unlearned;
    TD_TRY(repair_norms_of(job, &norms, &scores, error));
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(unlearn(job, s, &unlearned, error));
    TD_TRY(masked_open(m, job, &job->learned, unlearned, &s->masks, error));
    TD_TRY(rnp_recover(m, &s->rnp, error));
    return sweep_masks(job, &m->norms, m->masks, &s->sweep, error);
}

static td_status run(repair_job *job, td_error *error) {
    masked m = {0};
    td_status status = work(job, &m, error);
    masked_close(&m);
    return status;
}

static const repair rnp = {.selects = true, .run = run};

#undef AT
#define AT(field) offsetof(rnp_settings, field)

static const td_key keys[] = {
    {"unlearn-epochs", TD_KEY_COUNT, AT(rnp.unlearn_epochs), .least = 1, .most = 10000,
     .standard = "20", .value = "N", .help = "Epochs of unlearning, at most"},
    {"unlearn-lr", TD_KEY_REAL, AT(rnp.unlearn_lr), .above = true, .most = 1000, .standard = "0.01",
     .value = "X", .help = "Learning rate of unlearning"},
    {"unlearn-momentum", TD_KEY_REAL, AT(rnp.unlearn_momentum), .most = 1, .below = true,
     .standard = "0.9", .value = "X", .help = "Momentum of unlearning"},
    {"clip", TD_KEY_REAL, AT(rnp.clip), .above = true, .most = INFINITY, .standard = "20",
     .value = "X", .help = "Largest norm of a gradient in unlearning"},
    {"stop", TD_KEY_REAL, AT(rnp.stop), .most = 1, .standard = "0.2", .value = "X",
     .help = "End unlearning after an epoch with at most this training accuracy"},
    {"recover-epochs", TD_KEY_COUNT, AT(rnp.recover_epochs), .least = 1, .most = 10000,
     .standard = "20", .value = "N", .help = "Epochs of learning the masks"},
    {"share", TD_KEY_REAL, AT(rnp.share), .above = true, .most = 1000, .standard = "0.2",
     .value = "X", .help = "Factor of the loss in learning the masks (the paper's alpha)"},
    MASKED_LR_KEY(AT(masks), "0.2"),
    MASKED_MOMENTUM_KEY(AT(masks), "0.9"),
    MASKED_BATCH_KEY(AT(masks), "128"),
    MASKED_AUGMENT_KEY(AT(masks)),
    SWEEP_THRESHOLD_KEY(AT(sweep), "0.7", 1, "Prune channels whose mask is at most X"),
    SWEEP_TOLERANCE_KEY(AT(sweep)),
    SWEEP_ZERO_KEY(AT(sweep), "weight"),
    {0},
};

static const tool_keys groups[] = {{.keys = repair_selection_keys}, {.keys = keys}, {0}};

static const char help[] =
    "a copy of the model unlearns some hundred clean images, masks on the channels of its batch "
    "norms recover them, and the channels whose mask stays at most --threshold are pruned in the "
    "original model."
    "\v"
    "It sweeps thresholds from 0 to 0.95, prints the accuracy on held-out clean images at each, "
    "and takes a lower one if --threshold costs more than --tolerance. Unlearning has no weight "
    "decay and clips its gradient. Weights and batch norms' statistics do not change.\n"
    "\n"
    "In nets of some hundred channels masks fall faster than in the paper's ResNets, and the "
    "first threshold may cost too much: try --unlearn-lr 0.003 --lr 0.02.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend rnp --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --test fashion-mnist:test:1000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

const tool_method defend_rnp = {
    .name = "rnp",
    .title = "Reconstructive neuron pruning",
    .source = "Li et al., ICML 2023",
    .doc = "prunes channels that do not recover from unlearning",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(rnp_settings),
    .math = &rnp,
};
