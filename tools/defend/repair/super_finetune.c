/* SPDX-License-Identifier: MIT */
/* Super-fine-tuning: learning rates that cycle up to large values, to move the weights away from
 * the backdoor, and later to small ones, to converge. Sha et al. 2022. */
#include "defend/repair/super_finetune.h"

#include "defend/method.h"
#include "defend/repair/shares.h"
#include "defend/repair/tuning.h"
#include <math.h>

typedef struct super_settings {
    shares_settings shares;
    tool_training training; /* its lr: the base */
    double peak, late;
    size_t turn, cycle;
} super_settings;

enum { WITHOUT_NORM = 10 }; /* divisor of the rates in a net without batch norm */

double super_rate(const super_rates *r, uint64_t step, size_t epoch) {
    const double half = (double)r->cycle / 2, at = (double)(step % r->cycle);
    const double share = at < half ? at / half : 2 - at / half;
    return r->base + share * ((epoch <= r->turn ? r->peak : r->late) - r->base);
}

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    (void)error;
    batch->lr = super_rate(context, batch->step, batch->epoch);
    td_train_feed(batch);
    *loss = td_train_pass(batch, batch->gradient, NULL);
    return TD_OK;
}

/* The rates for this net: options left at their defaults are a tenth in a net without batch norms
 * to bound the steps. */
static super_rates rates_for(const repair_job *job, const super_settings *s) {
    const tool_settings *given = job->run->settings;
    const double by = repair_has_norm(job->net) ? 1 : WITHOUT_NORM;
    super_rates rates = {s->training.options.step.lr, s->peak, s->late, s->turn, s->cycle};
    rates.base /= tool_settings_given(given, "lr") ? 1 : by;
    rates.peak /= tool_settings_given(given, "peak") ? 1 : by;
    rates.late /= tool_settings_given(given, "late-peak") ? 1 : by;
    return rates;
}

static td_status run(repair_job *job, td_error *error) {
    const super_settings *s = job->run->own;
    const repair_tuning how = {
        .table = "epochs", .title = "Super-fine-tuning", .doing = "fine-tuning"};
    super_rates rates = rates_for(job, s);
    td_train_options options = s->training.options;
    float *before;
    TD_TRY(shares_before(job, &before, error));
    options.learn = learn;
    options.learn_context = &rates;
    TD_TRY(repair_warn_missing(job, error));
    tool_run_set(job->run, "learning_rates", "{sf sf sf}", "base", rates.base, "peak", rates.peak,
                 "late_peak", rates.late);
    TD_TRY(repair_tune(job, &how, &options, NULL, error));
    repair_say(job, "fine-tuned for %zu epochs on %zu images, learning rates %g to %g and %g",
               options.epochs, job->learned.count, rates.base, rates.peak, rates.late);
    return shares_take(job, before, s->shares.tolerance, error);
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    super_settings *s = own;
    return tool_training_complete(&s->training, settings->common.seed, error);
}

static const repair super_finetune = {.selects = true, .run = run};

#define AT(field) offsetof(super_settings, field)

static const td_key keys[] = {
    TUNING_LR(AT(training), "0.03"),
    {"peak", TD_KEY_REAL, AT(peak), .above = true, .most = INFINITY, .standard = "2.5",
     .value = "X", .help = "Learning rate that each cycle rises to in the first --turn epochs"},
    {"late-peak", TD_KEY_REAL, AT(late), .above = true, .most = INFINITY, .standard = "0.05",
     .value = "X", .help = "And in the epochs after them"},
    {"turn", TD_KEY_COUNT, AT(turn), .most = 1000000, .standard = "40", .value = "N",
     .help = "Epochs with the high peak"},
    {"cycle", TD_KEY_COUNT, AT(cycle), .least = 2, .most = 1000000, .standard = "20", .value = "N",
     .help = "Steps from --lr up to the peak and down again"},
    TUNING_EPOCHS(AT(training), "100"),
    TUNING_BATCH(AT(training), "128"),
    TUNING_MOMENTUM(AT(training), "0"),
    TUNING_DECAY(AT(training), "0"),
    TUNING_AUGMENT(AT(training)),
    {0},
};

static const tool_keys groups[] = {{.keys = shares_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Fine-tune a model on the --clean images with a learning rate that rises from --lr to --peak "
    "and falls back in each --cycle of steps, and after --turn epochs only to --late-peak. SGD."
    "\v"
    "It needs clean images with their labels; the paper takes 10 % of the training set. In a net "
    "without batch norm, rates that are not given are a tenth of the defaults; the record has "
    "them as learning_rates. Batch norms average the statistics of each batch." SHARES_HELP "\n"
    "Example:\n"
    "  trapdoor-defend super-finetune --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-6000 --test fashion-mnist:test:6000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_super_finetune = {
    .name = "super-finetune",
    .title = "Super-fine-tuning",
    .source = "Sha et al., 2022",
    .doc = "fine-tunes with a cyclic learning rate",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(super_settings),
    .check = check,
    .math = &super_finetune,
};
