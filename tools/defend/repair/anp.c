/* SPDX-License-Identifier: MIT */
/* ANP: backdoor neurons are sensitive: noises on the batch norms that raise the loss on clean
 * images activate them first. Masks learned against such noises are small for them. Wu and Wang,
 * "Adversarial neuron pruning purifies backdoored deep models", NeurIPS 2021.
 *
 * Batch norms: while the masks are learned, batch statistics normalise and running statistics are
 * unchanged. The result is the original model with a norm weight of 0 for channels whose mask is
 * low; biases and statistics are unchanged. */
#include "defend/repair/anp.h"
#include "defend/method.h"
#include "defend/repair/sweep.h"
#include "defend/repair/tuning.h"

typedef struct anp_settings {
    repair_selection selection;
    masked_options masks;
    anp_options anp;
    sweep_settings sweep;
    int preset;
} anp_settings;

static td_status learn(masked *m, const anp_options *o, td_error *error) {
    anp_state state;
    masked_log log;
    uint32_t *order;
    TD_TRY(anp_open(&state, m->norms.channels, &m->arena, error));
    TD_TRY(TD_ARENA_NEW(&m->arena, m->options.batch, &order, "images", error));
    TD_TRY(masked_log_open(&log, m->run, error));
    tool_run_begin(m->run, "learning masks", "steps", o->iterations);
    for (size_t i = 0; i < o->iterations; i++) {
        td_loss loss;
        masked_draw(m, (uint32_t)i, order);
        TD_TRY(anp_step(m, o, (uint32_t)i, &state, &loss, error));
        TD_TRY(masked_log_step(&log, m, loss, i, o->iterations, error));
    }
    tool_run_end(m->run);
    return TD_OK;
}

static td_status work(repair_job *job, masked *m, td_error *error) {
    const anp_settings *s = job->run->own;
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(masked_open(m, job, &job->learned, job->weights, &s->masks, error));
    TD_TRY(learn(m, &s->anp, error));
    repair_say(job, "masks learned in %zu steps on %zu images", s->anp.iterations,
               job->learned.count);
    return sweep_masks(job, &m->norms, m->masks, &s->sweep, error);
}

static td_status run(repair_job *job, td_error *error) {
    masked m = {0};
    td_status status = work(job, &m, error);
    masked_close(&m);
    return status;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    static const tool_preset backdoorbench[] = {
        {"lr", "0.01"}, {"batch", "256"}, {"threshold", "0.9"}, {"tolerance", "0.1"}, {0}};
    const anp_settings *s = own;
    return s->preset == SWEEP_BACKDOORBENCH ? tool_settings_preset(settings, backdoorbench, error)
                                            : TD_OK;
}

static const repair anp = {.selects = true, .run = run};

#define AT(field) offsetof(anp_settings, field)

static const td_key keys[] = {
    {"iterations", TD_KEY_COUNT, AT(anp.iterations), .least = 1, .most = 10000000,
     .standard = "2000", .value = "N", .help = "Steps of the masks"},
    {"bound", TD_KEY_REAL, AT(anp.bound), .most = 100, .standard = "0.4", .value = "X",
     .help = "Bound of the noises (the paper's epsilon)"},
    {"ascents", TD_KEY_COUNT, AT(anp.ascents), .least = 1, .most = 1000, .standard = "1",
     .value = "N", .help = "Steps of the noises for each of the masks"},
    {"clean-share", TD_KEY_REAL, AT(anp.share), .most = 1, .standard = "0.2", .value = "X",
     .help = "Share of the loss without noises (the paper's alpha)"},
    MASKED_LR_KEY(AT(masks), "0.2"),
    MASKED_MOMENTUM_KEY(AT(masks), "0.9"),
    MASKED_BATCH_KEY(AT(masks), "128"),
    MASKED_AUGMENT_KEY(AT(masks)),
    SWEEP_THRESHOLD_KEY(AT(sweep), "0.2", 1, "Prune channels whose mask is at most X"),
    SWEEP_TOLERANCE_KEY(AT(sweep)),
    SWEEP_ZERO_KEY(AT(sweep), "weight"),
    SWEEP_PRESET_KEY(AT(preset), "--lr 0.01 --batch 256 --threshold 0.9 --tolerance 0.1"),
    {0},
};

static const tool_keys groups[] = {{.keys = repair_selection_keys}, {.keys = keys}, {0}};

static const char help[] =
    "learns, on some hundred clean images, a mask for each channel of the batch norms that keeps "
    "the loss low against noise on the norms' weights and biases, and prunes the channels whose "
    "mask is at most --threshold."
    "\v"
    "It sweeps thresholds from 0 to 0.95, prints the accuracy on held-out clean images at each, "
    "and takes a lower one if --threshold costs more than --tolerance. The noises stay within "
    "--bound. The weights and the batch norms' statistics do not change.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend anp --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --test fashion-mnist:test:1000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

const tool_method defend_anp = {
    .name = "anp",
    .title = "Adversarial neuron pruning",
    .source = "Wu and Wang, NeurIPS 2021",
    .doc = "prunes channels that noise makes harmful",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(anp_settings),
    .check = check,
    .math = &anp,
};
