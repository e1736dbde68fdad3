/* SPDX-License-Identifier: MIT */
/* NFT: fine-tunes only a mask for each neuron, on mixed clean images, bounded so that early layers
 * change little. Karim, Al Arafat, Khalid, Guo and Rahnavard, "Augmented neural fine-tuning for
 * efficient backdoor purification", ECCV 2024.
 *
 * Batch norms: batch statistics normalise, and running statistics are updated, as in training. The
 * result is the model with each norm's weight times its mask and these statistics, or a share of
 * this change. */
#include "defend/repair/nft.h"
#include "defend/method.h"
#include "defend/repair/shares.h"
#include "defend/repair/tuning.h"

typedef struct nft_settings {
    shares_settings shares;
    masked_options masks;
    nft_options nft;
} nft_settings;

static td_status learn(masked *m, const nft_options *o, td_error *error) {
    nft_state state;
    masked_log log;
    TD_TRY(nft_open(&state, m, error));
    TD_TRY(masked_log_open(&log, m->run, error));
    tool_run_begin(m->run, "learning masks", "steps", o->iterations);
    for (size_t i = 0; i < o->iterations; i++) {
        td_loss loss;
        TD_TRY(nft_step(m, o, i, &state, &loss, error));
        TD_TRY(masked_log_step(&log, m, loss, i, o->iterations, error));
    }
    tool_run_end(m->run);
    return TD_OK;
}

/* The model with its masks and the updated statistics. */
static void apply(const masked *m, float *weights) {
    for (size_t i = 0; i < m->norms.count; i++) {
        const repair_norm *norm = &m->norms.list[i];
        for (size_t c = 0; c < norm->channels; c++) {
            weights[norm->weight + c] *= m->masks[norm->first + c];
            weights[norm->mean + c] = m->weights[norm->mean + c];
            weights[norm->variance + c] = m->weights[norm->variance + c];
        }
    }
}

static void say(repair_job *job, const masked *m, const nft_options *o) {
    double least = 1, mean = 0;
    for (size_t c = 0; c < m->norms.channels; c++) {
        least = (double)m->masks[c] < least ? (double)m->masks[c] : least;
        mean += (double)m->masks[c] / (double)m->norms.channels;
    }
    repair_say(job,
               "masks of %zu channels learned in %zu steps on %zu images, %.3f on average, the "
               "least %.3f",
               m->norms.channels, o->iterations, job->learned.count, mean, least);
}

static td_status work(repair_job *job, masked *m, td_error *error) {
    const nft_settings *s = job->run->own;
    float *before;
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(shares_before(job, &before, error));
    TD_TRY(masked_open(m, job, &job->learned, before, &s->masks, error));
    nft_bound(m, &s->nft);
    TD_TRY(learn(m, &s->nft, error));
    say(job, m, &s->nft);
    apply(m, job->weights);
    return shares_take(job, before, s->shares.tolerance, error);
}

static td_status run(repair_job *job, td_error *error) {
    masked m = {0};
    td_status status = work(job, &m, error);
    masked_close(&m);
    return status;
}

static const repair nft = {.selects = true, .run = run};

#define AT(field) offsetof(nft_settings, field)

static const td_key keys[] = {
    {"iterations", TD_KEY_COUNT, AT(nft.iterations), .least = 1, .most = 10000000,
     .standard = "1000", .value = "N", .help = "Steps of the masks"},
    {"scale", TD_KEY_REAL, AT(nft.scale), .most = 1, .standard = "0.8", .value = "X",
     .help = "The least mask of the l-th batch norm is X·exp(-Y·l)"},
    {"decay", TD_KEY_REAL, AT(nft.decay), .most = 100, .standard = "0.5", .value = "Y",
     .help = "See --scale"},
    {"penalty", TD_KEY_REAL, AT(nft.penalty), .most = 1000, .standard = "0.001", .value = "X",
     .help = "Weight of the masks' distance from 1, divided by the images of a class"},
    MASKED_LR_KEY(AT(masks), "0.05"),
    {"last-lr", TD_KEY_REAL, AT(nft.last_lr), .most = 1000, .standard = "0.02", .value = "X",
     .help = "Learning rate that a cosine ends at"},
    MASKED_MOMENTUM_KEY(AT(masks), "0.95"),
    MASKED_BATCH_KEY(AT(masks), "128"),
    MASKED_AUGMENT_KEY(AT(masks)),
    {0},
};

static const tool_keys groups[] = {{.keys = shares_keys}, {.keys = keys}, {0}};

static const char help[] =
    "learns a mask for each channel of the batch norms on mixed pairs of some hundred clean "
    "images, with all else frozen, and multiplies the norms' weights by the masks. Masks of early "
    "layers have a higher lower bound."
    "\v"
    "The batch norms' statistics follow the clean images, as in training. If masks and statistics "
    "cost more than --tolerance of the accuracy on held-out clean images, three quarters, a half, "
    "a quarter or nothing of the change is applied.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend nft --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --test fashion-mnist:test:1000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o tuned.safetensors\n";

const tool_method defend_nft = {
    .name = "nft",
    .title = "Neural mask fine-tuning",
    .source = "Karim et al., ECCV 2024",
    .doc = "fine-tunes only a mask for each channel",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(nft_settings),
    .math = &nft,
};
