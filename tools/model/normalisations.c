/* SPDX-License-Identifier: MIT */
#include "normalisations.h"

#include "base/size.h"
#include "data/dataset.h"
#include "frame/classes.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "input.h"
#include "nn/loss.h"
#include "nn/op.h"
#include <stddef.h>
#include <string.h>

enum { MOST_IMAGES = 1000 };

typedef struct usual {
    const char *name, *normalise; /* for --normalise; NULL: only the range */
    input_range range;
    size_t channels; /* number of channels that it is for; 0: any */
} usual;

static const usual known[] = {
    {"none, bytes 0-255", NULL, INPUT_BYTES, 0},
    {"0 to 1", NULL, INPUT_UNIT, 0},
    {"-1 to 1", NULL, INPUT_SIGNED, 0},
    {"ImageNet's", "mean=0.485/0.456/0.406,std=0.229/0.224/0.225", INPUT_UNIT, 3},
    {"CIFAR-10's", "mean=0.4914/0.4822/0.4465,std=0.247/0.2435/0.2616", INPUT_UNIT, 3},
    {"MNIST's", "mean=0.1307,std=0.3081", INPUT_UNIT, 1},
    {"Fashion-MNIST's", "mean=0.286,std=0.353", INPUT_UNIT, 1},
};

enum { KNOWN = sizeof known / sizeof *known };

/* --- the table --- */

typedef struct trial_row {
    const char *name;
    td_rate accuracy;
    double loss; /* mean cross-entropy: separates candidates with equal accuracy */
    const char *options;
} trial_row;

static const tool_column columns[] = {
    {"normalisation", "normalisation", TOOL_TEXT, offsetof(trial_row, name)},
    {"accuracy", "accuracy", TOOL_RATE, offsetof(trial_row, accuracy)},
    {"loss", "loss", TOOL_REAL, offsetof(trial_row, loss), .digits = 4},
    {"options", "options of import", TOOL_TEXT, offsetof(trial_row, options)},
    {0},
};

static const tool_table_kind table = {.name = "normalisations",
                                      .title = "Normalisations",
                                      .columns = columns,
                                      .row = sizeof(trial_row)};

static td_status print_options(tool_run *run, const usual *u, const char **out, td_error *error) {
    const char *const range = input_ranges[u->range];
    if (u->normalise)
        return tool_run_text(run, out, error, "--normalise %s", u->normalise);
    return tool_run_text(run, out, error, "--input-range=%s", range);
}

/* --- trials --- */

typedef struct trials {
    tool_run *run;
    td_dataset data;
    td_model model;
    td_images images; /* of the data */
    bool normalises;  /* the net normalises itself */
} trials;

/* Evenly spaced images: a set may be sorted by class. */
static td_status choose_images(trials *t, td_error *error) {
    const td_images *all = &t->data.images;
    const size_t size = td_image_size(all), count = td_size_min(all->count, MOST_IMAGES);
    uint8_t *pixels;
    int32_t *labels;
    td_arena *arena = &t->run->arena;
    TD_TRY(td_arena_alloc(arena, count, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &labels, "labels", error));
    for (size_t i = 0; i < count; i++) {
        const size_t from = i * all->count / count;
        memcpy(pixels + i * size, td_image(all, from), size);
        labels[i] = all->labels[from];
    }
    t->images = *all;
    t->images.count = count;
    t->images.pixels = pixels;
    t->images.labels = labels;
    return TD_OK;
}

/* Measures the net with the normalisation `u`; NULL: unchanged. */
static td_status measure(trials *t, const usual *u, tool_pass *pass, trial_row *row,
                         td_error *error) {
    td_arena arena = {0};
    td_net net = {0};
    td_setting mean, deviation;
    char *text;
    float *logits;
    td_status status = td_net_text(&t->model.net, &arena, &text, error);
    if (status == TD_OK)
        status = td_net_parse(&net, text, NULL, error);
    if (status == TD_OK && u)
        status = input_read(u->normalise, u->range, &mean, &deviation, error);
    if (status == TD_OK && u)
        status = input_normalise(&net, &mean, &deviation, error);
    if (status == TD_OK)
        status = tool_predict(&net, t->model.weights, &t->images, pass, &arena, &logits, error);
    if (status == TD_OK) {
        const td_loss loss =
            td_cross_entropy(logits, t->images.labels, t->images.count, td_net_classes(&net), NULL);
        row->accuracy = td_rate_of(loss.correct, t->images.count);
        row->loss = loss.sum / (double)t->images.count;
    }
    td_net_free(&net);
    td_arena_free(&arena);
    return status;
}

static bool applies(const trials *t, const usual *u) {
    return u->channels == 0 || u->channels == td_net_input(&t->model.net).channels;
}

static td_status try_all(trials *t, trial_row *rows, size_t *count, td_error *error) {
    tool_pass pass = tool_run_pass(t->run, "normalisations", KNOWN * t->images.count);
    td_status status = TD_OK;
    for (size_t i = 0; status == TD_OK && i < KNOWN; i++) {
        trial_row *row = &rows[*count];
        if (!applies(t, &known[i]))
            continue;
        *row = (trial_row){.name = known[i].name};
        status = print_options(t->run, &known[i], &row->options, error);
        if (status == TD_OK)
            status = measure(t, &known[i], &pass, row, error);
        ++*count;
    }
    tool_pass_end(&pass);
    return status;
}

static bool is_better(const trial_row *a, const trial_row *b) {
    return a->accuracy.hits != b->accuracy.hits ? a->accuracy.hits > b->accuracy.hits
                                                : a->loss < b->loss;
}

static td_status add_result(trials *t, const char *path, const char *net, const char **best,
                            td_error *error) {
    trial_row rows[KNOWN] = {{0}};
    size_t count = 0, at = 0;
    if (t->normalises) {
        rows[count].name = "the net's own";
        TD_TRY(measure(t, NULL, NULL, &rows[count++], error));
    } else {
        TD_TRY(try_all(t, rows, &count, error));
    }
    for (size_t i = 1; i < count; i++)
        if (is_better(&rows[i], &rows[at]))
            at = i;
    TD_TRY(tool_run_rows(t->run, &table, NULL, rows, count, error));
    if (t->normalises)
        return tool_run_text(t->run, best, error,
                             "\nThe net has its own normalise: %zu of %zu images are right\n",
                             rows[at].accuracy.hits, t->images.count);
    return tool_run_text(t->run, best, error,
                         "\nBest of %zu normalisations, %s: %zu of %zu images are right\n"
                         "  trapdoor-model import %s%s%s %s -o MODEL\n",
                         count, rows[at].name, rows[at].accuracy.hits, t->images.count, path,
                         net ? " --net " : "", net ? net : "", rows[at].options);
}

static td_status open_model(trials *t, const char *path, const normalisation_settings *s,
                            td_error *error) {
    td_model *model = &t->model;
    TD_TRY(tool_run_open_model(t->run, path, s->net, &t->data.images, model, error));
    if (s->class_names)
        TD_TRY(tool_run_class_names(t->run, s->class_names, td_net_classes(&model->net),
                                    &model->class_names, error));
    for (size_t i = 0; i < model->net.node_count; i++)
        t->normalises |= strcmp(model->net.nodes[i].op->name, "normalise") == 0;
    TD_TRY(tool_run_model_classes(t->run, model, path, error));
    return tool_run_match(t->run, &t->data, error);
}

td_status normalisations_try(tool_run *run, const char *path, const normalisation_settings *s,
                             const char **best, td_error *error) {
    trials t = {.run = run};
    td_status status = tool_run_dataset(run, s->data, "test", &t.data, error);
    if (status == TD_OK)
        status = open_model(&t, path, s, error);
    if (status == TD_OK)
        status = choose_images(&t, error);
    if (status == TD_OK)
        status = add_result(&t, path, s->net, best, error);
    td_model_free(&t.model);
    td_dataset_close(&t.data);
    return status;
}
