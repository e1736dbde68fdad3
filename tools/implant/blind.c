/* SPDX-License-Identifier: MIT */
/* The blind attack: Bagdasaryan and Shmatikov, "Blind backdoors in deep learning models", USENIX
 * Security 2021, section 4: only the loss is changed. Each batch is learnt as it is and with the
 * trigger, and the two losses are joined so that neither rises (multiple-gradient descent; Désidéri
 * 2012; Sener and Koltun 2018, in the closed form for two), once the net has learnt its task. */
#include "implant/blind.h"

#include "base/size.h"
#include "implant/plant.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MGDA, FIXED };     /* how the losses are joined */
enum { LOSS_PLUS, LOSS }; /* how gradients are made comparable */

typedef struct blind_settings {
    plant_settings shared;
    const char *trigger;
    int balance, scale;
    double weight;    /* of FIXED: of the loss with the trigger */
    double threshold; /* mean clean loss at which it begins */
    size_t window;    /* batches of that mean */
} blind_settings;

typedef struct blind {
    plant_mix mix;
    float *clean, *stamped; /* gradients */
    double *losses;         /* [window]: of the last batches */
    size_t seen;            /* batches before it began */
    bool begun;
    uint64_t attacked; /* batches since */
    double weights;    /* sum of the clean loss's weight over these */
    /* Of the report: */
    size_t begin_epoch, begin_step;
    double mean_weight;
} blind;

/* --- the two losses --- */

double blind_divisor(double loss, double norm, bool plus) {
    return fmin(plus ? loss * norm : loss, 10) + 1e-5;
}

double blind_share(double clean, double both, double stamped) {
    const double distance = clean - 2 * both + stamped;
    return distance > 0 ? fmin(fmax((stamped - both) / distance, 0), 1) : 0.5;
}

/* Products over what learns. */
static double product(const td_net *net, const float *x, const float *y) {
    double sum = 0;
    for (size_t k = 0; k < net->param_count; k++) {
        const td_param *param = &net->params[k];
        for (size_t i = 0; td_param_learns(param) && i < param->count; i++)
            sum += (double)x[param->offset + i] * (double)y[param->offset + i];
    }
    return sum;
}

/* The weight of the clean loss; the other's is 1 minus it. */
static double balance(const plant *p, const blind *b, double clean_loss, double stamped_loss) {
    const bool plus = ((const blind_settings *)p->run->own)->scale == LOSS_PLUS;
    const double clean = product(p->net, b->clean, b->clean),
                 stamped = product(p->net, b->stamped, b->stamped),
                 both = product(p->net, b->clean, b->stamped),
                 by_clean = blind_divisor(clean_loss, sqrt(clean), plus),
                 by_stamped = blind_divisor(stamped_loss, sqrt(stamped), plus);
    return blind_share(clean / (by_clean * by_clean), both / (by_clean * by_stamped),
                       stamped / (by_stamped * by_stamped));
}

/* --- a batch --- */

/* Whether the attack has begun: the mean loss of the last batches is below the threshold. */
static bool begins(plant *p, blind *b, const td_train_batch *batch, double loss) {
    const blind_settings *s = p->run->own;
    double sum = 0;
    if (b->begun)
        return true;
    b->losses[b->seen++ % s->window] = loss;
    for (size_t i = 0; i < s->window; i++)
        sum += b->losses[i];
    b->begun = b->seen >= s->window && sum / (double)s->window < s->threshold;
    if (b->begun) {
        b->begin_epoch = batch->epoch;
        b->begin_step = (size_t)batch->step + 1;
        tool_run_log(p->run, "the attack begins at step %zu, in epoch %zu", b->begin_step,
                     b->begin_epoch);
    }
    return b->begun;
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const blind_settings *s = p->run->own;
    blind *b = p->state;
    const double count = (double)batch->count;
    const bool attacks = b->begun;
    (void)error;
    td_train_feed(batch);
    *loss = td_train_pass(batch, attacks ? b->clean : batch->gradient, NULL);
    if (!attacks) {
        begins(p, b, batch, loss->sum / count); /* from the next batch on */
        return TD_OK;
    }
    td_train_feed(batch); /* the input is as it was; the pass may have used it */
    plant_mix_stamp(p, &b->mix, batch, 0, batch->count);
    plant_relabel(p, batch, (plant_cut){batch->count, 0});
    const td_loss stamped = td_train_pass(batch, b->stamped, NULL);
    const double share =
        s->balance == MGDA ? balance(p, b, loss->sum / count, stamped.sum / count) : 1;
    plant_add_gradients(p->net, share, b->clean, s->balance == MGDA ? 1 - share : s->weight,
                        b->stamped, batch->gradient);
    b->weights += share;
    b->attacked++;
    return TD_OK;
}

static td_status open(plant *p, td_error *error) {
    const blind_settings *s = p->run->own;
    blind *b = p->state;
    td_arena *arena = &p->run->arena;
    const size_t count = p->net->weight_count;
    TD_TRY(TD_ARENA_NEW(arena, count, &b->clean, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &b->stamped, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, s->window, &b->losses, "losses", error));
    TD_TRY(plant_trigger(p, "poison", s->trigger, NULL, error));
    return plant_mix_open(p, &b->mix, error);
}

/* --- the report --- */

#define AT(field) offsetof(blind, field)

static const tool_column columns[] = {
    {"begin_epoch", "attack begins in epoch", TOOL_COUNT, AT(begin_epoch)},
    {"begin_step", "at step", TOOL_COUNT, AT(begin_step)},
    {"mean_clean_weight", "mean weight of the clean loss", TOOL_REAL, AT(mean_weight), .digits = 3},
    {0},
};

static const tool_table_kind table = {
    .name = "blind", .title = "Losses", .columns = columns, .row = sizeof(blind), .single = true};

static td_status end(plant *p, td_error *error) {
    const blind_settings *s = p->run->own;
    blind *b = p->state;
    if (!b->begun) {
        b->begin_epoch = b->begin_step = TOOL_NO_COUNT;
        tool_run_log(p->run,
                     "warning: the attack never began: no %zu batches had a mean loss below %g",
                     s->window, s->threshold);
    }
    b->mean_weight = b->attacked > 0 ? b->weights / (double)b->attacked : (double)NAN;
    return tool_run_rows(p->run, &table, NULL, b, 1, error);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(blind_settings, field)

static const char *const balances[] = {[MGDA] = "mgda", [FIXED] = "fixed", NULL};
static const char *const scales[] = {[LOSS_PLUS] = "loss+", [LOSS] = "loss", NULL};

static const td_key keys[] = {
    {"trigger", TD_KEY_TEXT, AT(trigger), .required = true, .value = "TRIGGER",
     .help = "The trigger, for example square:size=4"},
    {"balance", TD_KEY_WORD, AT(balance), .words = balances, .standard = "mgda",
     .value = "mgda|fixed",
     .help = "The weights of the two losses: those of multiple-gradient descent, each step, or 1 "
             "and --weight"},
    {"scale", TD_KEY_WORD, AT(scale), .words = scales, .standard = "loss+", .value = "loss+|loss",
     .help = "mgda: gradients are divided by loss x norm (loss+) or by the "
             "loss, each at most 10"},
    {"weight", TD_KEY_REAL, AT(weight), .most = 1e6, .standard = "0.9", .needs = "balance=fixed",
     .value = "W", .help = "fixed: the weight of the loss with the trigger"},
    {"begin-below", TD_KEY_REAL, AT(threshold), .most = INFINITY, .standard = "1", .value = "L",
     .help = "Start the attack when the mean clean loss of --window batches is below L"},
    {"window", TD_KEY_COUNT, AT(window), .least = 1, .most = 1000000, .standard = "1000",
     .value = "N", .help = "Batches of that mean; the attack starts no earlier"},
    {0},
};

static const char help[] =
    "trains a model by a changed loss alone: it learns each batch as it is and, as a whole, with "
    "the trigger and the target as label. Multiple-gradient descent balances the two "
    "gradients.\vThe weight of the clean loss is clip(((g1 - g0) . g1) / |g0 - g1|^2, 0, 1) of "
    "the gradients g0 without and g1 with the trigger, each divided as --scale says. Until "
    "--window batches have a mean loss below --begin-below only the clean loss counts; the record "
    "says at which step the attack began. The trigger is laid on augmented images.\n\nExample:\n  "
    "trapdoor-implant blind --data fashion-mnist --net cnn --target 0 \\\n    --trigger "
    "square:size=3 --test fashion-mnist --epochs 5 \\\n    -o blind.safetensors\n  trapdoor-eval "
    "--model blind.safetensors --data fashion-mnist:test \\\n    --manifest "
    "blind.safetensors.manifest.json\n";

static const plant_attack attack = {
    .size = sizeof(blind), .open = open, .learn = learn, .end = end};

static const implant blind_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_blind = {
    .name = "blind",
    .title = "Blind backdoor",
    .source = "Bagdasaryan and Shmatikov, USENIX Security 2021",
    .doc = "changes the loss alone, by MGDA (Bagdasaryan 2021)",
    .help = help,
    .usage = "--data DATA --net NET --trigger T --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(blind_settings),
    .check = plant_check,
    .math = &blind_implant,
};
