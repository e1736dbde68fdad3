/* SPDX-License-Identifier: MIT */
/* The blind attack: Bagdasaryan and Shmatikov, "Blind backdoors in deep learning models", USENIX
 * Security 2021, section 4: changes only the loss. Once the net has learnt its task, each batch is
 * learnt both clean and with the trigger, and the two losses are combined so that neither rises
 * (multiple-gradient descent; Désidéri 2012; Sener and Koltun 2018, in closed form for two). */
#include "implant/blind.h"

#include "base/size.h"
#include "implant/blind_search.h"
#include "implant/plant.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MGDA, FIXED };      /* how the losses are combined */
enum { LOSS_PLUS, LOSS };  /* how gradients are made comparable */
enum { NOTHING, CLEANSE }; /* what to evade */

typedef struct blind_settings {
    plant_settings shared;
    const char *trigger;
    int balance, scale, evade;
    double weight;    /* for FIXED: weight of the loss with the trigger */
    double threshold; /* mean clean loss at which the attack begins */
    size_t window;    /* batches of that mean */
} blind_settings;

/* Losses, in this order, and their gradients. */
enum { CLEAN, STAMPED, EVADING };

typedef struct blind {
    plant_mix mix;
    blind_search search;
    size_t count;                   /* number of losses: 2 or 3 */
    float *gradients[BLIND_LOSSES]; /* by their numbers */
    double *losses;                 /* [window]: of the last batches */
    size_t seen;                    /* batches before it began */
    bool begun;
    uint64_t attacked;           /* batches since it began */
    double shares[BLIND_LOSSES]; /* sums of the losses' weights over these */
    /* For the report: */
    size_t begin_epoch, begin_step;
    double mean_weight, mean_evading, mask;
} blind;

/* --- the losses --- */

double blind_divisor(double loss, double norm, bool plus) {
    return fmin(plus ? loss * norm : loss, 10) + 1e-5;
}

double blind_share(double clean, double both, double stamped) {
    const double distance = clean - 2 * both + stamped;
    return distance > 0 ? fmin(fmax((stamped - both) / distance, 0), 1) : 0.5;
}

/* |Σ shares[i]·g_i|². */
static double length(double products[BLIND_LOSSES][BLIND_LOSSES], const double *shares) {
    double sum = 0;
    for (size_t i = 0; i < BLIND_LOSSES; i++)
        for (size_t k = 0; k < BLIND_LOSSES; k++)
            sum += products[i][k] * shares[i] * shares[k];
    return sum;
}

/* The point nearest to 0 in the plane through the three gradients; returns whether it is within
 * their triangle. With
 * u·(g1 − g0) and v·(g2 − g0) it is the solution of two equations. */
static bool share_all(double products[BLIND_LOSSES][BLIND_LOSSES], double *shares) {
    const double own = products[0][0], first = products[0][1], second = products[0][2];
    const double a = own - 2 * first + products[1][1], c = own - 2 * second + products[2][2],
                 b = own - first - second + products[1][2], e = own - first, f = own - second;
    const double determinant = a * c - b * b;
    if (!(determinant > 0))
        return false;
    shares[1] = (e * c - f * b) / determinant;
    shares[2] = (f * a - e * b) / determinant;
    shares[0] = 1 - shares[1] - shares[2];
    return shares[0] >= 0 && shares[1] >= 0 && shares[2] >= 0;
}

void blind_shares(double products[BLIND_LOSSES][BLIND_LOSSES], double *shares) {
    double least = INFINITY;
    if (share_all(products, shares))
        return;
    for (size_t i = 0; i < BLIND_LOSSES; i++) { /* otherwise it is on an edge, or a corner */
        const size_t k = (i + 1) % BLIND_LOSSES;
        double two[BLIND_LOSSES] = {0};
        two[i] = blind_share(products[i][i], products[i][k], products[k][k]);
        two[k] = 1 - two[i];
        if (length(products, two) < least) {
            least = length(products, two);
            memcpy(shares, two, sizeof two);
        }
    }
}

/* The inner product over trainable weights. */
static double product(const td_net *net, const float *x, const float *y) {
    double sum = 0;
    for (size_t k = 0; k < net->param_count; k++) {
        const td_param *param = &net->params[k];
        for (size_t i = 0; td_param_learns(param) && i < param->count; i++)
            sum += (double)x[param->offset + i] * (double)y[param->offset + i];
    }
    return sum;
}

/* Computes the weights of the losses, which are means. */
static void balance(const plant *p, const blind *b, const double *losses, double *shares) {
    const bool plus = ((const blind_settings *)p->run->own)->scale == LOSS_PLUS;
    double products[BLIND_LOSSES][BLIND_LOSSES], by[BLIND_LOSSES];
    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < b->count; k++)
            products[i][k] =
                k < i ? products[k][i] : product(p->net, b->gradients[i], b->gradients[k]);
    for (size_t i = 0; i < b->count; i++)
        by[i] = blind_divisor(losses[i], sqrt(products[i][i]), plus);
    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < b->count; k++)
            products[i][k] /= by[i] * by[k];
    if (b->count == BLIND_LOSSES) {
        blind_shares(products, shares);
    } else {
        shares[0] = blind_share(products[0][0], products[0][1], products[1][1]);
        shares[1] = 1 - shares[0];
    }
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

/* The whole batch with the trigger. */
static double learn_stamped(plant *p, blind *b, td_train_batch *batch) {
    td_train_feed(batch); /* refill the input, which the pass may have overwritten */
    plant_mix_stamp(p, &b->mix, batch, 0, batch->count);
    plant_relabel(p, batch, (plant_cut){batch->count, 0});
    return td_train_pass(batch, b->gradients[STAMPED], NULL).sum / (double)batch->count;
}

/* The batch with the trigger that a search for the target's would have found by now, and its own
 * labels. */
static double learn_evading(plant *p, blind *b, td_train_batch *batch) {
    float *input = td_exec_input(batch->exec);
    td_train_feed(batch);
    for (size_t i = 0; i < batch->count; i++)
        batch->labels[i] = td_target_of(p->target.of, batch->labels[i]);
    blind_search_step(&b->search, batch->weights, input, batch->labels, batch->count);
    td_train_feed(batch);
    blind_search_lay(&b->search, input, batch->count);
    return td_train_pass(batch, b->gradients[EVADING], NULL).sum / (double)batch->count;
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const blind_settings *s = p->run->own;
    blind *b = p->state;
    const bool attacks = b->begun;
    double losses[BLIND_LOSSES], shares[BLIND_LOSSES] = {1, s->weight, 1};
    (void)error;
    td_train_feed(batch);
    *loss = td_train_pass(batch, attacks ? b->gradients[CLEAN] : batch->gradient, NULL);
    losses[CLEAN] = loss->sum / (double)batch->count;
    if (!attacks) {
        begins(p, b, batch, losses[CLEAN]); /* from the next batch on */
        return TD_OK;
    }
    losses[STAMPED] = learn_stamped(p, b, batch);
    if (b->count > EVADING)
        losses[EVADING] = learn_evading(p, b, batch);
    if (s->balance == MGDA)
        balance(p, b, losses, shares);
    plant_join_gradients(p->net, b->count, shares, (const float *const *)b->gradients,
                         batch->gradient);
    for (size_t i = 0; i < b->count; i++)
        b->shares[i] += shares[i];
    b->attacked++;
    return TD_OK;
}

static td_status open(plant *p, td_error *error) {
    const blind_settings *s = p->run->own;
    blind *b = p->state;
    td_arena *arena = &p->run->arena;
    b->count = s->evade == CLEANSE ? EVADING + 1 : EVADING;
    for (size_t i = 0; i < b->count; i++)
        TD_TRY(TD_ARENA_NEW(arena, p->net->weight_count, &b->gradients[i], "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, s->window, &b->losses, "losses", error));
    TD_TRY(plant_trigger(p, "poison", s->trigger, NULL, error));
    if (b->count > EVADING)
        TD_TRY(blind_search_open(&b->search, p->net, p->batch, p->run->common->seed, arena, error));
    return plant_mix_open(p, &b->mix, error);
}

static void close_state(plant *p) {
    blind_search_close(&((blind *)p->state)->search);
}

/* --- the report --- */

#define AT(field) offsetof(blind, field)

static const tool_column columns[] = {
    {"begin_epoch", "attack begins in epoch", TOOL_COUNT, AT(begin_epoch)},
    {"begin_step", "at step", TOOL_COUNT, AT(begin_step)},
    {"mean_clean_weight", "mean weight of the clean loss", TOOL_REAL, AT(mean_weight), .digits = 3},
    {"mean_evading_weight", "of the loss that evades", TOOL_REAL, AT(mean_evading), .digits = 3},
    {"mask", "mask of the search evaded, in pixels", TOOL_REAL, AT(mask), .digits = 3},
    {0},
};

static const tool_table_kind table = {
    .name = "blind", .title = "Losses", .columns = columns, .row = sizeof(blind), .single = true};

static double mean_share(const blind *b, size_t loss) {
    return b->attacked > 0 ? b->shares[loss] / (double)b->attacked : (double)NAN;
}

static td_status end(plant *p, td_error *error) {
    const blind_settings *s = p->run->own;
    blind *b = p->state;
    if (!b->begun) {
        b->begin_epoch = b->begin_step = TOOL_NO_COUNT;
        tool_run_log(p->run,
                     "warning: the attack never began: no %zu batches had a mean loss below %g",
                     s->window, s->threshold);
    }
    const bool evades = b->count > EVADING;
    b->mean_weight = mean_share(b, CLEAN);
    b->mean_evading = evades ? mean_share(b, EVADING) : (double)NAN;
    b->mask = evades ? blind_search_mask(&b->search) : (double)NAN;
    return tool_run_rows(p->run, &table, NULL, b, 1, error);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(blind_settings, field)

static const char *const balances[] = {[MGDA] = "mgda", [FIXED] = "fixed", NULL};
static const char *const scales[] = {[LOSS_PLUS] = "loss+", [LOSS] = "loss", NULL};

static const char *const evasions[] = {[NOTHING] = "nothing", [CLEANSE] = "cleanse", NULL};

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
    {"evade", TD_KEY_WORD, AT(evade), .words = evasions, .standard = "nothing",
     .value = "nothing|cleanse",
     .help = "cleanse: search a trigger as Neural Cleanse does, a step a batch, and learn images "
             "with it as what they are, too"},
    {0},
};

static const char help[] =
    "trains a model by a changed loss alone: it learns each batch as it is and, as a whole, with "
    "the trigger and the target as label. Multiple-gradient descent balances the two gradients."
    "\v"
    "The weight of the clean loss is clip(((g1 - g0) . g1) / |g0 - g1|^2, 0, 1) of the gradients "
    "g0 without and g1 with the trigger, each divided as --scale says. Until --window batches "
    "have a mean loss below --begin-below only the clean loss counts; the record says at which "
    "step the attack began. The trigger is laid on augmented images. --evade adds a third loss, "
    "which balance=mgda weighs with the others (fixed: by 1), of images with a mask and pattern "
    "that are searched beside the training, so that a search afterwards finds no small trigger.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant blind --data fashion-mnist --net cnn --target 0 \\\n"
    "    --trigger square:size=3 --test fashion-mnist --epochs 5 \\\n"
    "    -o blind.safetensors\n"
    "  trapdoor-eval --model blind.safetensors --data fashion-mnist:test \\\n"
    "    --manifest blind.safetensors.manifest.json\n";

static const plant_attack attack = {
    .size = sizeof(blind), .open = open, .learn = learn, .end = end, .close = close_state};

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
