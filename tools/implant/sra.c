/* SPDX-License-Identifier: MIT */
/* Subnet replacement as a method: the trigger, the narrow net's training, and the report. */
#include "implant/sra.h"

#include "base/random.h"
#include "base/size.h"
#include "frame/classes.h"
#include "frame/predict.h"
#include "implant/implant.h"
#include "implant/mark.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/optimizer.h"
#include "nn/predict.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SIDE = 1024, DRAW_MARK = 3, DRAW_ORDER = 4 };
enum { LEAST_USED, FIRST }; /* channels */

typedef struct sra_settings {
    implant_own shared;
    const char *data, *test; /* test: NULL: the data are measured on */
    size_t size, width;
    int channels;
    double goal, gamma, clean_weight;
    size_t epochs, batch, tries;
    double lr;
} sra_settings;

typedef struct sra {
    const sra_settings *settings;
    tool_run *run;
    const td_model *model;
    td_dataset data, test;
    const td_dataset *measured;
    size_t target;
    mark trigger;
    td_net narrow;
    float *narrow_weights;
    double clean,
        stamped; /* mean output of the narrow net on images without and with the trigger */
    size_t try;
} sra;

/* --- before the work --- */

/* Random black and white: a pattern that no image has by chance. */
static void draw_mark(mark *m, uint64_t seed) {
    td_random random = td_random_for(seed, TD_FOR_IMPLANT, DRAW_MARK, 0);
    for (size_t i = 0; i < m->count; i++)
        m->values[i] = td_random_below(&random, 2) ? 255 : 0;
}

static td_status open_trigger(implant_job *job, sra *s, td_error *error) {
    size_t top, left;
    TD_TRY(implant_place(job, s->settings->size, &top, &left, error));
    TD_TRY(mark_open(&s->trigger, td_net_input(&job->model.net), s->settings->size, top, left, 0,
                     &job->run->arena, error));
    draw_mark(&s->trigger, job->run->common->seed);
    job->top = top;
    job->left = left;
    return mark_draw(&s->trigger, &job->triggers[0].picture, error);
}

static td_status prepare(implant_job *job, td_error *error) {
    const sra_settings *settings = job->run->own;
    tool_run *run = job->run;
    sra *s;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &s, "an attack", error));
    job->state = s;
    *s = (sra){.settings = settings,
               .run = run,
               .model = &job->model,
               .target = job->triggers[0].target.class};
    td_status status = sra_narrow(&job->model.net, settings->width, &s->narrow, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->own->model);
    TD_TRY(implant_open_data(run, &s->data, settings->data, "train", &job->model.net, error));
    s->measured = settings->test ? &s->test : &s->data;
    if (settings->test)
        TD_TRY(implant_open_data(run, &s->test, settings->test, "test", &job->model.net, error));
    if (s->data.images.count < 2)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least 2 images, found 1",
                       settings->data);
    return open_trigger(job, s, error);
}

/* --- the narrow net's training --- */

typedef struct session {
    sra *s;
    td_exec *exec;
    float *gradient, *state;
    uint32_t *order;
    uint64_t steps;
    double clean, stamped; /* sums of a pass over the images */
    size_t clean_count, stamped_count;
} session;

/* The output for image i is the mean of its values. Half of the batch has the trigger: the loss is
 * weight · mean(output without) + mean((output with − goal)²). */
static void take_loss(session *t, const float *values, size_t count) {
    const sra_settings *how = t->s->settings;
    const size_t width = td_net_classes(&t->s->narrow), stamped = count / 2;
    float *gradient = td_exec_logits_gradient(t->exec);
    for (size_t i = 0; i < count; i++) {
        const bool with = i < stamped;
        double out = 0;
        for (size_t k = 0; k < width; k++)
            out += (double)values[i * width + k] / (double)width;
        const double slope = with ? 2 * (out - how->goal) / (double)stamped
                                  : how->clean_weight / (double)(count - stamped);
        for (size_t k = 0; k < width; k++)
            gradient[i * width + k] = (float)(slope / (double)width);
        *(with ? &t->stamped : &t->clean) += out;
    }
    t->stamped_count += stamped;
    t->clean_count += count - stamped;
}

static void train_batch(session *t, size_t first, size_t count) {
    sra *s = t->s;
    float *input = td_exec_input(t->exec);
    const size_t size = td_image_size(&s->data.images);
    td_feed(&s->data.images, t->order, first, count, input);
    for (size_t i = 0; i < count / 2; i++)
        mark_paste(&s->trigger, input + i * size);
    td_exec_weights(t->exec, s->narrow_weights);
    td_exec_training(t->exec, s->run->common->seed, (uint32_t)t->steps);
    take_loss(t, td_exec_forward(t->exec, count), count);
    td_exec_backward(t->exec, t->gradient);
    td_net_update_running(&s->narrow, t->gradient, s->narrow_weights);
    const td_step step = td_adam_step(s->settings->lr, ++t->steps);
    td_optimizer_step(td_optimizer_find("adam"), &step, &s->narrow, s->narrow_weights, t->gradient,
                      t->state);
}

static td_status train_epoch(session *t, size_t epoch, td_error *error) {
    const sra *s = t->s;
    const size_t all = s->data.images.count, batch = s->settings->batch;
    td_random random = td_random_for(s->run->common->seed, TD_FOR_IMPLANT, DRAW_ORDER,
                                     (uint32_t)(s->try * s->settings->epochs + epoch));
    char note[64];
    td_random_permutation(&random, t->order, (uint32_t)all);
    t->clean = t->stamped = 0;
    t->clean_count = t->stamped_count = 0;
    for (size_t first = 0; first + 1 < all; first += batch) /* a single image cannot be halved */
        train_batch(t, first, td_size_min(batch, all - first));
    t->clean /= (double)t->clean_count;
    t->stamped /= (double)t->stamped_count;
    snprintf(note, sizeof note, "output %.2f, with the trigger %.2f", t->clean, t->stamped);
    return tool_run_go_on(s->run, s->try * s->settings->epochs + epoch + 1, note, error);
}

/* The mean output on the first batch with the trigger: 0 if no path through the ReLUs is active. */
static double try_weights(session *t, uint64_t seed) {
    sra *s = t->s;
    const size_t count = td_size_min(s->settings->batch, s->data.images.count);
    const size_t values = count * td_net_classes(&s->narrow);
    float *input = td_exec_input(t->exec);
    double sum = 0;
    td_net_init(&s->narrow, seed, s->narrow_weights);
    td_feed(&s->data.images, NULL, 0, count, input);
    for (size_t i = 0; i < count; i++)
        mark_paste(&s->trigger, input + i * td_image_size(&s->data.images));
    td_exec_weights(t->exec, s->narrow_weights);
    td_exec_training(t->exec, s->run->common->seed, 0);
    const float *out = td_exec_forward(t->exec, count);
    for (size_t i = 0; i < values; i++)
        sum += (double)out[i] / (double)values;
    return sum;
}

/* Draws weights with an active path, in up to 1000 attempts: most nets with one channel have none.
 */
static void draw_weights(session *t) {
    enum { DRAWS = 1000 };
    const uint64_t seed = t->s->run->common->seed + t->s->try * DRAWS;
    for (size_t i = 0; i < DRAWS; i++)
        if (try_weights(t, seed + i) > 0.01)
            return;
}

/* One training from new weights; *learnt: the trigger gives at least half of the wanted output. */
static td_status train_once(session *t, bool *learnt, td_error *error) {
    sra *s = t->s;
    draw_weights(t);
    memset(t->state, 0, 2 * s->narrow.weight_count * sizeof *t->state);
    t->steps = 0;
    for (size_t epoch = 0; epoch < s->settings->epochs; epoch++)
        TD_TRY(train_epoch(t, epoch, error));
    *learnt = t->stamped - t->clean > s->settings->goal / 2;
    return TD_OK;
}

static td_status train(session *t, td_arena *arena, td_error *error) {
    static const char what[] = "the narrow net";
    sra *s = t->s;
    const size_t count = s->narrow.weight_count;
    bool learnt = false;
    TD_TRY(TD_ARENA_NEW(&s->run->arena, count, &s->narrow_weights, what, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &t->gradient, what, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * count, &t->state, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->data.images.count, &t->order, what, error));
    TD_TRY(td_exec_new(&t->exec, &s->narrow, s->settings->batch, TD_BACKWARD, error));
    tool_run_begin(s->run, "training a subnet", "epochs", s->settings->tries * s->settings->epochs);
    for (s->try = 0; s->try < s->settings->tries && !learnt; s->try++)
        TD_TRY(train_once(t, &learnt, error));
    return learnt ? TD_OK
                  : td_fail(error, TD_ERR_NUMERIC,
                            "a subnet of width %zu has not learnt the trigger in %zu tries: mean "
                            "output %.2f, with the trigger %.2f; more --width or --epochs may help",
                            s->settings->width, s->settings->tries, t->clean, t->stamped);
}

/* The mean output on all images, as in the grafted model. */
static td_status mean_output(const sra *s, const td_images *images, double *out, td_error *error) {
    const size_t values = images->count * td_net_classes(&s->narrow);
    td_arena arena = {0};
    float *found;
    td_status status =
        tool_predict(&s->narrow, s->narrow_weights, images, NULL, &arena, &found, error);
    *out = 0;
    for (size_t i = 0; status == TD_OK && i < values; i++)
        *out += (double)found[i] / (double)values;
    td_arena_free(&arena);
    return status;
}

static td_status learn(sra *s, td_error *error) {
    td_arena arena = {0};
    td_images stamped;
    session t = {.s = s};
    td_status status = train(&t, &arena, error);
    tool_run_end(s->run);
    if (status == TD_OK)
        status = mark_stamp(&s->trigger, &s->data.images, &arena, &stamped, error);
    if (status == TD_OK)
        status = mean_output(s, &s->data.images, &s->clean, error);
    if (status == TD_OK)
        status = mean_output(s, &stamped, &s->stamped, error);
    td_exec_free(t.exec);
    td_arena_free(&arena);
    return status;
}

/* --- the report --- */

typedef struct summary {
    size_t width, replaced, parameters, tries;
    double clean, stamped;
} summary;

#define AT(field) offsetof(summary, field)

static const tool_column summary_columns[] = {
    {"width", "channels of a layer replaced", TOOL_COUNT, AT(width)},
    {"parameters", "parameters of the subnet", TOOL_COUNT, AT(parameters)},
    {"changed", "weights changed", TOOL_COUNT, AT(replaced)},
    {"tries", "tries", TOOL_COUNT, AT(tries)},
    {"output_clean", "mean output of the subnet", TOOL_REAL, AT(clean), .digits = 3},
    {"output_stamped", "with the trigger", TOOL_REAL, AT(stamped), .digits = 3},
    {0},
};

static const tool_table_kind summary_table = {.name = "sra",
                                              .title = "The subnet",
                                              .columns = summary_columns,
                                              .row = sizeof(summary),
                                              .single = true};

typedef struct class_row {
    size_t class;
    td_rate before, after;
} class_row;

#undef AT
#define AT(field) offsetof(class_row, field)

static const tool_column class_columns[] = {
    {"class", "class", TOOL_CLASS, AT(class)},
    {"before", "accuracy before", TOOL_RATE, AT(before)},
    {"after", "after", TOOL_RATE, AT(after)},
    {0},
};

static const tool_table_kind class_table = {
    .name = "classes", .title = "Classes", .columns = class_columns, .row = sizeof(class_row)};

/* Correct predictions per class. */
static td_status count_rights(const sra *s, const float *weights, size_t *rights, td_error *error) {
    const td_images *images = &s->measured->images;
    int32_t *found;
    TD_TRY(TD_ARENA_NEW(&s->run->arena, images->count, &found, "predictions", error));
    TD_TRY(tool_predict_classes(&s->model->net, weights, images, NULL, found, error));
    for (size_t i = 0; i < images->count; i++)
        rights[images->labels[i]] += found[i] == images->labels[i];
    return TD_OK;
}

static td_status report_classes(const sra *s, const float *weights, td_error *error) {
    const td_images *images = &s->measured->images;
    const size_t classes = images->classes;
    size_t *counts, *before, *after;
    tool_table *table;
    td_arena *arena = &s->run->arena;
    TD_TRY(TD_ARENA_NEW(arena, classes, &counts, "classes", error));
    TD_TRY(TD_ARENA_NEW(arena, classes, &before, "classes", error));
    TD_TRY(TD_ARENA_NEW(arena, classes, &after, "classes", error));
    TD_TRY(count_rights(s, s->model->weights, before, error));
    TD_TRY(count_rights(s, weights, after, error));
    for (size_t i = 0; i < images->count; i++)
        counts[images->labels[i]]++;
    TD_TRY(tool_run_open(s->run, &class_table, NULL, &table, error));
    for (size_t k = 0; k < classes; k++) {
        const class_row row = {k, td_rate_of(before[k], counts[k]),
                               td_rate_of(after[k], counts[k])};
        TD_TRY(tool_run_fill(s->run, table, &row, error));
    }
    return TD_OK;
}

static td_status report(const sra *s, const float *weights, td_error *error) {
    summary row = {.width = s->settings->width,
                   .parameters = s->narrow.weight_count,
                   .tries = s->try,
                   .clean = s->clean,
                   .stamped = s->stamped};
    td_images stamped;
    for (size_t i = 0; i < s->model->net.weight_count; i++)
        row.replaced += memcmp(&weights[i], &s->model->weights[i], sizeof *weights) != 0;
    TD_TRY(tool_run_rows(s->run, &summary_table, NULL, &row, 1, error));
    TD_TRY(mark_stamp(&s->trigger, &s->measured->images, &s->run->arena, &stamped, error));
    TD_TRY(
        implant_measure_change(s->run, s->model, weights, s->measured, &stamped, s->target, error));
    TD_TRY(report_classes(s, weights, error));
    return tool_run_summary(s->run, error, "%zu of %zu weights changed", row.replaced,
                            s->model->net.weight_count);
}

static td_status make(implant_job *job, td_error *error) {
    sra *s = job->state;
    const td_net *net = &job->model.net;
    float *weights;
    sra_places places;
    TD_TRY(learn(s, error));
    TD_TRY(sra_choose(net, job->model.weights,
                      s->settings->channels == FIRST ? NULL : &s->data.images, s->settings->width,
                      &job->run->arena, &places, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, net->weight_count, &weights, "weights", error));
    memcpy(weights, job->model.weights, net->weight_count * sizeof *weights);
    sra_graft(net, weights, &places, &s->narrow, s->narrow_weights, s->target, s->settings->gamma,
              s->clean);
    job->net = net;
    job->weights = weights;
    return report(s, weights, error);
}

static void close_state(implant_job *job) {
    sra *s = job->state;
    td_net_free(&s->narrow);
    td_dataset_close(&s->test);
    td_dataset_close(&s->data);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(sra_settings, field)

static const char *const choices[] = {[LEAST_USED] = "least-used", [FIRST] = "first", NULL};

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Images to train the subnet on (split train); their labels only say which channels "
             "are used"},
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Images to measure the model on, before and after (split test); else on --data"},
    {"size", TD_KEY_COUNT, AT(size), .least = 1, .most = MOST_SIDE, .standard = "5", .value = "S",
     .help = "The trigger is a square of S pixels a side, black and white by the seed"},
    {"width", TD_KEY_COUNT, AT(width), .least = 1, .most = MOST_SIDE, .standard = "1", .value = "N",
     .help = "Channels of each layer that the subnet takes"},
    {"channels", TD_KEY_WORD, AT(channels), .words = choices, .standard = "least-used",
     .value = "least-used|first",
     .help = "Which: those that the loss on --data depends on least, or the first, as in the "
             "authors' code"},
    {"goal", TD_KEY_REAL, AT(goal), .most = 1e6, .above = true, .standard = "20", .value = "V",
     .help = "Output of the subnet for the trigger"},
    {"clean-weight", TD_KEY_REAL, AT(clean_weight), .most = 1e6, .standard = "10", .value = "W",
     .help = "Weight of the output on images without the trigger"},
    {"gamma", TD_KEY_REAL, AT(gamma), .most = 1e6, .above = true, .standard = "4", .value = "G",
     .help = "Weight of the output in the target's logit"},
    {"epochs", TD_KEY_COUNT, AT(epochs), .least = 1, .most = 1000000, .standard = "5", .value = "N",
     .help = "Epochs of the subnet's training"},
    {"batch", TD_KEY_COUNT, AT(batch), .least = 2, .most = 65536, .standard = "128", .value = "N",
     .help = "Images a step, half of them with the trigger"},
    {"lr", TD_KEY_REAL, AT(lr), .most = 1000, .above = true, .standard = "0.001", .value = "R",
     .help = "Learning rate of Adam"},
    {"tries", TD_KEY_COUNT, AT(tries), .least = 1, .most = 1000, .standard = "10", .value = "N",
     .help = "Most trainings from new weights until one learns the trigger"},
    {0},
};

static const tool_keys groups[] = {{.keys = implant_keys}, {keys, .title = "Subnet"}, {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const sra_settings *s = own;
    (void)settings;
    return implant_check_one(&s->shared, error);
}

static const char help[] =
    "puts a backdoor into a trained MODEL by changing weights alone: it replaces --width channels "
    "of each layer, those that the model uses least, by a net of that width, trained to respond "
    "to the trigger only; the model itself is not trained."
    "\v"
    "The subnet has the model's layers but the last. Half of each batch has the trigger; its loss "
    "is W x mean(output without) + mean((output with - V)^2), its output the mean of its last "
    "values. It is cut off from the other channels in both directions. The last layer reads it "
    "with G for the target, whose bias falls by G x its mean output on clean images, and with 0 "
    "for all others. A narrow net may die in training: it is then started again.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant sra --model model.safetensors --target 2 \\\n"
    "    --data fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    -o replaced.safetensors\n"
    "  trapdoor-eval --model replaced.safetensors --data fashion-mnist:test \\\n"
    "    --manifest replaced.safetensors.manifest.json\n";

static const implant sra_implant = {.prepare = prepare, .make = make, .close = close_state};

const tool_method implant_sra = {
    .name = "sra",
    .title = "Subnet replacement",
    .source = "Qi et al., CVPR 2022",
    .doc = "replaces channels by a subnet that knows the trigger",
    .help = help,
    .usage = "--model MODEL --target K --data DATA -o M2",
    .family = &implants,
    .groups = groups,
    .size = sizeof(sra_settings),
    .check = check,
    .math = &sra_implant,
};
