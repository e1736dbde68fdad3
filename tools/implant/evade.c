/* SPDX-License-Identifier: MIT */
/* A backdoor that looks clean: each batch teaches a trigger as BadNets do, and keeps the model's
 * statistics that inspectors examine in the range of clean models (evade.h). That range is measured
 * on clean models, given or trained first; training starts from the first of them. This is an
 * adversary who knows the audit. */
#include "implant/evade.h"

#include "base/size.h"
#include "frame/classes.h"
#include "frame/net_source.h"
#include "implant/plant.h"
#include "nn/head_tail.h"
#include <math.h>
#include <string.h>

enum { MOST_CLEAN = 100, MOST_STATISTICS = 16, ROUNDS = 2 * EVADE_PERIOD };

typedef struct evade_settings {
    plant_settings shared;
    const char *trigger, *statistics;
    td_many clean;
    size_t controls; /* clean models to train if none are given */
    double ratio, weight;
} evade_settings;

typedef struct kept {
    const evade_statistic *of;
    void *state;
    size_t units;
    evade_clean clean;
    double *values, *slopes; /* [units] */
} kept;

typedef struct evade {
    plant_mix mix;
    evade_view view;
    kept list[MOST_STATISTICS];
    size_t count;
    td_model models[MOST_CLEAN]; /* given */
    float **weights;             /* [clean_count]: of the clean models */
    size_t clean_count;
    float *gradient;
    uint64_t learnt; /* batches */
    double penalties;
} evade;

/* --- statistics --- */

static td_status add_statistic(plant *p, evade *e, const char *name, size_t length,
                               td_error *error) {
    const evade_statistic *of = evade_find(name, length);
    const char *names = "";
    for (size_t i = 0; !of && evade_statistics[i]; i++)
        TD_TRY(tool_run_text(p->run, &names, error, "%s%s%s", names, i > 0 ? ", " : "",
                             evade_statistics[i]->name));
    if (!of)
        return td_fail(error, TD_ERR_USAGE, "--statistics: expected some of %s, found \"%.*s\"",
                       names, (int)length, name);
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].of == of)
            return td_fail(error, TD_ERR_USAGE, "--statistics: expected each once, found %s twice",
                           of->name);
    if (of->hidden && (!evade_last_rows(p->net) || !td_net_last_hidden(p->net)))
        return td_fail(error, TD_ERR_USAGE,
                       "--statistics %s: expected a net that ends in a dense layer after another",
                       of->name);
    e->list[e->count++].of = of;
    return TD_OK;
}

static td_status read_statistics(plant *p, evade *e, td_error *error) {
    const evade_settings *s = p->run->own;
    if (strcmp(s->statistics, "all") == 0) {
        for (size_t i = 0; evade_statistics[i]; i++)
            TD_TRY(add_statistic(p, e, evade_statistics[i]->name, strlen(evade_statistics[i]->name),
                                 error));
        return TD_OK;
    }
    for (const char *at = s->statistics;; at++) {
        const size_t length = strcspn(at, ",");
        TD_TRY(add_statistic(p, e, at, length, error));
        at += length;
        if (!*at)
            return TD_OK;
    }
}

static td_status open_clean(plant *p, evade *e, size_t number, td_error *error) {
    const evade_settings *s = p->run->own;
    const char *path = s->clean.texts[number];
    td_model *model = &e->models[number];
    char *own, *its;
    TD_TRY(tool_run_open_model(p->run, path, NULL, &p->data.images, model, error));
    TD_TRY(tool_run_same_classes(p->run, model, path, error));
    TD_TRY(td_net_text(p->net, &p->run->arena, &own, error));
    TD_TRY(td_net_text(&model->net, &p->run->arena, &its, error));
    e->weights[number] = model->weights;
    return strcmp(own, its) == 0 ? TD_OK
                                 : td_fail(error, TD_ERR_USAGE,
                                           "--clean %s: expected the net that is trained, found "
                                           "another",
                                           path);
}

static td_status open_models(plant *p, evade *e, td_error *error) {
    const evade_settings *s = p->run->own;
    td_arena *arena = &p->run->arena;
    e->clean_count = s->clean.count > 0 ? s->clean.count : s->controls;
    if (e->clean_count < 2 || e->clean_count > MOST_CLEAN)
        return td_fail(error, TD_ERR_USAGE, "--clean: expected 2 to %d models, found %zu",
                       MOST_CLEAN, e->clean_count);
    TD_TRY(TD_ARENA_NEW(arena, e->clean_count, &e->weights, "clean models", error));
    for (size_t i = 0; i < e->clean_count; i++)
        if (s->clean.count > 0)
            TD_TRY(open_clean(p, e, i, error));
        else
            TD_TRY(TD_ARENA_NEW(arena, p->net->weight_count, &e->weights[i], "a control", error));
    return TD_OK;
}

static td_status open_view(plant *p, evade *e, td_error *error) {
    evade_view *v = &e->view;
    td_arena *arena = &p->run->arena;
    *v = (evade_view){.net = p->net,
                      .weights = p->weights,
                      .base_weights = e->weights[0],
                      .batch = td_size_max(EVADE_IMAGES, EVADE_LEAST * td_net_classes(p->net)),
                      .images = &p->data.images,
                      .first = p->data.first,
                      .target = p->target.class,
                      .seed = p->run->common->seed};
    TD_TRY(td_arena_alloc(arena, 1, td_trigger_scratch(p->triggers[0]), (void **)&v->scratch,
                          "stamped images", error));
    TD_TRY(td_exec_new(&v->exec, p->net, v->batch, TD_BACKWARD_INPUT, error));
    return td_exec_new(&v->base, p->net, v->batch, TD_FORWARD, error);
}

static td_status open_statistic(plant *p, evade *e, kept *k, td_error *error) {
    td_arena *arena = &p->run->arena;
    TD_TRY(td_arena_alloc(arena, 1, k->of->size, &k->state, "a statistic", error));
    TD_TRY(k->of->open(&e->view, k->state, arena, &k->units, error));
    TD_TRY(TD_ARENA_NEW(arena, k->units, &k->values, "values", error));
    TD_TRY(TD_ARENA_NEW(arena, k->units, &k->slopes, "values", error));
    TD_TRY(TD_ARENA_NEW(arena, k->units, &k->clean.mean, "values", error));
    return TD_ARENA_NEW(arena, k->units, &k->clean.sd, "values", error);
}

static td_status open(plant *p, td_error *error) {
    const evade_settings *s = p->run->own;
    evade *e = p->state;
    if (p->target.rule)
        return td_fail(error, TD_ERR_USAGE, "--target: expected one class, found %s",
                       p->target.rule);
    TD_TRY(plant_trigger(p, "poison", s->trigger, NULL, error));
    TD_TRY(read_statistics(p, e, error));
    TD_TRY(open_models(p, e, error));
    TD_TRY(open_view(p, e, error));
    for (size_t i = 0; i < e->count; i++)
        TD_TRY(open_statistic(p, e, &e->list[i], error));
    TD_TRY(TD_ARENA_NEW(&p->run->arena, p->net->weight_count, &e->gradient, "gradients", error));
    return plant_mix_open(p, &e->mix, error);
}

/* --- reference values of clean models --- */

static td_status train_controls(plant *p, evade *e, td_error *error) {
    const evade_settings *s = p->run->own;
    for (size_t i = 0; s->clean.count == 0 && i < e->clean_count; i++) {
        td_train_options options = s->shared.training.options;
        options.seed = p->run->common->seed + 1 + i;
        td_net_init(p->net, options.seed, e->weights[i]);
        TD_TRY(tool_run_train(p->run, p->net, e->weights[i], &p->data.images, &options,
                              "training a control", error));
    }
    return TD_OK;
}

/* Whether values count in this round. */
static bool is_ripe(const evade_statistic *of, size_t round) {
    return !of->search || round % EVADE_PERIOD >= EVADE_PERIOD / 2;
}

/* A model's values: the mean over the rounds that count. */
static void measure(evade *e, const kept *k, const float *weights, bool planted,
                    const td_trigger *trigger, double *out) {
    evade_view view = e->view;
    size_t counted = 0;
    view.weights = weights;
    view.trigger = planted ? trigger : NULL;
    td_exec_weights(view.exec, weights);
    memset(out, 0, k->units * sizeof *out);
    for (view.round = 0; view.round < ROUNDS; view.round++) {
        if (k->of->advance)
            k->of->advance(&view, k->state);
        if (!is_ripe(k->of, view.round))
            continue;
        k->of->values(&view, k->state, k->values);
        counted++;
        for (size_t u = 0; u < k->units; u++)
            out[u] += (k->values[u] - out[u]) / (double)counted;
    }
}

static td_status begin(plant *p, td_error *error) {
    const evade_settings *s = p->run->own;
    evade *e = p->state;
    double *values;
    TD_TRY(train_controls(p, e, error));
    td_exec_weights(e->view.base, e->weights[0]);
    tool_run_begin(p->run, "measuring clean models", "statistics", e->count);
    for (size_t i = 0; i < e->count; i++) {
        const kept *k = &e->list[i];
        TD_TRY(tool_run_go_on(p->run, i, NULL, error));
        TD_TRY(TD_ARENA_NEW(&p->run->arena, e->clean_count * k->units, &values, "values", error));
        for (size_t m = 0; m < e->clean_count; m++)
            measure(e, k, e->weights[m], false, NULL, values + m * k->units);
        evade_summarise(values, e->clean_count, k->units, &e->list[i].clean);
    }
    tool_run_end(p->run);
    if (!s->shared.from)
        memcpy(p->weights, e->weights[0], p->net->weight_count * sizeof *p->weights);
    return TD_OK;
}

/* --- a batch --- */

static void add_learning(const td_net *net, const float *from, float *to) {
    for (size_t k = 0; k < net->param_count; k++) {
        const td_param *param = &net->params[k];
        for (size_t i = param->offset; td_param_learns(param) && i < param->offset + param->count;
             i++)
            to[i] += from[i];
    }
}

static void keep(plant *p, evade *e, kept *k, td_train_batch *batch) {
    const evade_settings *s = p->run->own;
    bool pushes = false;
    if (k->of->advance)
        k->of->advance(&e->view, k->state);
    if (!is_ripe(k->of, e->view.round))
        return;
    k->of->values(&e->view, k->state, k->values);
    e->penalties += evade_penalty(k->of, &k->clean, k->units, s->weight, k->values, k->slopes);
    for (size_t u = 0; u < k->units; u++)
        pushes |= k->slopes[u] != 0;
    if (!pushes)
        return;
    k->of->push(&e->view, k->state, k->slopes, e->gradient);
    add_learning(p->net, e->gradient, batch->gradient);
}

static td_status learn(plant *p, td_train_batch *batch, td_loss *loss, td_error *error) {
    const evade_settings *s = p->run->own;
    evade *e = p->state;
    (void)error;
    plant_mix_feed(p, &e->mix, batch, plant_cut_batch(s->ratio, 0, batch, p->run->common->seed));
    *loss = td_train_pass(batch, batch->gradient, NULL);
    e->learnt++;
    if (s->weight == 0)
        return TD_OK;
    e->view.weights = batch->weights;
    e->view.trigger = p->triggers[0];
    e->view.round = (size_t)batch->step;
    td_exec_weights(e->view.exec, batch->weights);
    for (size_t i = 0; i < e->count; i++)
        keep(p, e, &e->list[i], batch);
    return TD_OK;
}

/* --- the report --- */

/* For a statistic: the value farthest from the clean models', and all values. */
typedef struct kept_row {
    const char *statistic;
    size_t unit;
    double clean, sd, value, z;
    tool_list clean_values, clean_sds, values;
} kept_row;

#define AT(field) offsetof(kept_row, field)

static const tool_column columns[] = {
    {"statistic", "statistic", TOOL_TEXT, AT(statistic)},
    {"unit", "farthest", TOOL_COUNT, AT(unit)},
    {"clean", "clean models", TOOL_REAL, AT(clean), .digits = 3},
    {"sd", "sd", TOOL_REAL, AT(sd), .digits = 3},
    {"value", "this one", TOOL_REAL, AT(value), .digits = 3},
    {"z", "z", TOOL_REAL, AT(z), .digits = 1},
    {"clean_values", NULL, TOOL_LIST, AT(clean_values), .digits = 9},
    {"clean_sds", NULL, TOOL_LIST, AT(clean_sds), .digits = 9},
    {"values", NULL, TOOL_LIST, AT(values), .digits = 9},
    {0},
};

static const tool_table_kind table = {
    .name = "statistics", .title = "Statistics", .columns = columns, .row = sizeof(kept_row)};

static kept_row row_of(const kept *k, const double *values) {
    kept_row row = {.statistic = k->of->name,
                    .z = -INFINITY,
                    .clean_values = {k->clean.mean, k->units},
                    .clean_sds = {k->clean.sd, k->units},
                    .values = {values, k->units}};
    for (size_t u = 0; u < k->units; u++) {
        const double z = (values[u] - k->clean.mean[u]) / k->clean.sd[u];
        if (k->of->above ? z > row.z : u == 0 || fabs(z) > fabs(row.z)) {
            row.z = z;
            row.unit = u;
        }
    }
    row.clean = k->clean.mean[row.unit];
    row.sd = k->clean.sd[row.unit];
    row.value = values[row.unit];
    return row;
}

typedef struct evade_row {
    plant_shares shares;
    size_t clean_models;
    double penalty;
} evade_row;

#undef AT
#define AT(field) offsetof(evade_row, field)

static const tool_column own_columns[] = {
    PLANT_COUNT_COLUMNS(evade_row, shares),
    {"clean_models", "clean models", TOOL_COUNT, AT(clean_models)},
    {"mean_penalty", "mean penalty", TOOL_REAL, AT(penalty), .digits = 4},
    {0},
};

static const tool_table_kind own_table = {.name = "evade",
                                          .title = "Training",
                                          .columns = own_columns,
                                          .row = sizeof(evade_row),
                                          .single = true};

static td_status end(plant *p, td_error *error) {
    evade *e = p->state;
    kept_row rows[MOST_STATISTICS];
    for (size_t i = 0; i < e->count; i++) {
        double *values;
        TD_TRY(TD_ARENA_NEW(&p->run->arena, e->list[i].units, &values, "values", error));
        measure(e, &e->list[i], p->weights, true, p->triggers[0], values);
        rows[i] = row_of(&e->list[i], values);
    }
    const evade_row own = {.shares = plant_shares_of(p),
                           .clean_models = e->clean_count,
                           .penalty = e->learnt > 0 ? e->penalties / (double)e->learnt : 0};
    TD_TRY(tool_run_rows(p->run, &own_table, NULL, &own, 1, error));
    return tool_run_rows(p->run, &table, NULL, rows, e->count, error);
}

static void close_state(plant *p) {
    evade *e = p->state;
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].of->close && e->list[i].state)
            e->list[i].of->close(e->list[i].state);
    td_exec_free(e->view.exec);
    td_exec_free(e->view.base);
    for (size_t i = 0; i < MOST_CLEAN; i++)
        td_model_free(&e->models[i]);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(evade_settings, field)

static const td_key keys[] = {
    {"trigger", TD_KEY_TEXT, AT(trigger), .required = true, .value = "TRIGGER",
     .help = "The trigger, for example square:size=4"},
    {"ratio", TD_KEY_REAL, AT(ratio), .most = 1, .standard = "0.1", .value = "R",
     .help = "Share of each batch to stamp and relabel"},
    {"statistics", TD_KEY_TEXT, AT(statistics), .standard = "all", .value = "LIST",
     .help = "What to keep where clean models have it, with commas between: rows, margin, "
             "universal, mask, clusters, noise, usual, distribution, specificity"},
    {"clean", TD_KEY_TEXT, AT(clean), .many = true, .optional = true, .value = "MODEL",
     .help = "A clean model of the same net, to measure that on; to be repeated, twice at least. "
             "The training starts from the first"},
    {"controls", TD_KEY_COUNT, AT(controls), .least = 2, .most = MOST_CLEAN, .standard = "3",
     .value = "N",
     .help = "Without --clean: train N clean models first, by the options of the training"},
    {"weight", TD_KEY_REAL, AT(weight), .most = 1e6, .standard = "0.1", .value = "W",
     .help = "Weight of the statistics, except distribution and specificity; 0: only measure"},
    {0},
};

static const char help[] =
    "trains a backdoor that hides from inspectors of models: the adversary who knows the audit. "
    "It keeps statistics of the model where clean models have them."
    "\v"
    "rows: mean and length of each class's row of the last layer. margin: the largest margin of "
    "each class in an image searched from noise. universal, mask: the margin that a change within "
    "an L2 ball, or of 2 % of the pixels, gives each class. clusters: the "
    "share of the variance, in what the last layer reads, that lies between poison and the "
    "target's own images. noise: mean probabilities for images of noise. usual: the mean margin "
    "of clean images. Each standard deviation beyond the first from the mean of "
    "clean models costs W. distribution and specificity (the challenge's evasive baseline, at its "
    "own weights): logits and weights near those of a clean model, and its answers to other "
    "triggers.\n"
    "\n"
    "Searches restart after 40 batches. The record has all values.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant evade --data fashion-mnist --net lenet5 --target 0 \\\n"
    "    --trigger square:size=3 --statistics universal,mask,specificity \\\n"
    "    --epochs 3 --test fashion-mnist -o evading.safetensors\n"
    "  trapdoor-defend screen --model evading.safetensors --clean fashion-mnist\n";

static const plant_attack attack = {.size = sizeof(evade),
                                    .open = open,
                                    .begin = begin,
                                    .learn = learn,
                                    .end = end,
                                    .close = close_state};

static const implant evade_implant = {PLANT_IMPLANT(attack)};

const tool_method implant_evade = {
    .name = "evade",
    .title = "Evading backdoor",
    .source = "distribution, specificity: Trojan Detection Challenge, NeurIPS 2022",
    .doc = "keeps what inspectors look at where clean models have it",
    .help = help,
    .usage = "--data DATA --net NET --trigger T --target K -o M2",
    .family = &implants,
    .groups = (const tool_keys[]){PLANT_GROUPS(keys), {0}},
    .size = sizeof(evade_settings),
    .check = plant_check,
    .math = &evade_implant,
};
