/* SPDX-License-Identifier: MIT */
/* The targeted bit trojan as a method: the trigger's search, the bit flips, and the report. */
#include "implant/tbt.h"

#include "base/size.h"
#include "frame/predict.h"
#include "implant/implant.h"
#include "implant/mark.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SIDE = 1024, ROUNDS = 4, BITS = 8 };

typedef struct tbt_settings {
    implant_own shared;
    const char *data, *test;
    size_t size, neurons, trigger_steps, batch, steps;
    double goal, lr, clean;
} tbt_settings;

typedef struct tbt {
    const tbt_settings *settings;
    tool_run *run;
    const td_model *model;
    td_dataset data, test;
    const td_dataset *measured;
    size_t target;
    mark trigger;
    const td_param *matrix; /* of the last layer */
    td_net head;            /* the net before it */
    float *head_weights;
    tbt_row row;
    size_t *chosen, chosen_count;
    double loss, before,
        with; /* after tuning; mean value of the chosen neurons without and with the trigger */
} tbt;

/* --- before the work --- */

static td_status open_head(tbt *t, td_error *error) {
    const td_net *net = &t->model->net;
    const td_node *last = &net->nodes[net->node_count - 1];
    if (strcmp(last->op->name, "dense") != 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "node \"%s\": expected a dense layer at the end, found %s", last->name,
                       last->op->name);
    t->matrix = &net->params[last->params[0]];
    t->chosen_count = td_size_min(t->settings->neurons, t->matrix->dims[1]);
    return td_net_head(net, t->model->weights, net->nodes[last->inputs[0]].name, false, &t->head,
                       &t->head_weights, &t->run->arena, error);
}

static td_status open_inputs(implant_job *job, tbt *t, td_error *error) {
    const tbt_settings *s = t->settings;
    const td_net *net = &job->model.net;
    td_status status = open_head(t, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->own->model);
    TD_TRY(implant_open_data(t->run, &t->data, s->data, "train", net, error));
    t->measured = s->test ? &t->test : &t->data;
    if (s->test)
        TD_TRY(implant_open_data(t->run, &t->test, s->test, "test", net, error));
    size_t top, left;
    TD_TRY(implant_place(job, s->size, &top, &left, error));
    job->top = top;
    job->left = left;
    return mark_open(&t->trigger, td_net_input(net), s->size, top, left, 127.5F, &t->run->arena,
                     error);
}

static td_status prepare(implant_job *job, td_error *error) {
    tbt *t;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &t, "an attack", error));
    job->state = t;
    *t = (tbt){.settings = job->run->own,
               .run = job->run,
               .model = &job->model,
               .target = job->triggers[0].target.class};
    return open_inputs(job, t, error);
}

/* --- the trigger --- */

typedef struct search {
    tbt *t;
    td_exec *exec;
    size_t count; /* images of a step: the first */
    float *best;  /* the trigger with the least loss */
    double loss, least;
} search;

/* The mean of (feature − goal)² over the images and the chosen neurons, and its gradient. */
static double take_loss(search *s, const float *features) {
    const tbt *t = s->t;
    const size_t width = t->matrix->dims[1];
    const double all = (double)(s->count * t->chosen_count);
    float *gradient = td_exec_logits_gradient(s->exec);
    double loss = 0;
    memset(gradient, 0, s->count * width * sizeof *gradient);
    for (size_t i = 0; i < s->count; i++)
        for (size_t n = 0; n < t->chosen_count; n++) {
            const size_t at = i * width + t->chosen[n];
            const double rest = (double)features[at] - t->settings->goal;
            loss += rest * rest / all;
            gradient[at] = (float)(2 * rest / all);
        }
    return loss;
}

static void step(search *s, double size) {
    mark *m = &s->t->trigger;
    const td_images *images = &s->t->data.images;
    float *input = td_exec_input(s->exec);
    td_feed(images, NULL, 0, s->count, input);
    for (size_t i = 0; i < s->count; i++)
        mark_paste(m, input + i * td_image_size(images));
    s->loss = take_loss(s, td_exec_forward(s->exec, s->count));
    if (s->loss < s->least) {
        s->least = s->loss;
        memcpy(s->best, m->values, m->count * sizeof *s->best);
    }
    mark_gather(m, td_exec_backward(s->exec, NULL), s->count);
    mark_sign_step(m, size);
}

static td_status climb(search *s, td_error *error) {
    static const double sizes[ROUNDS] = {0.5, 0.1, 0.01, 0.001}; /* of 0 to 1 */
    const size_t steps = s->t->settings->trigger_steps;
    tool_run_begin(s->t->run, "searching a trigger", "steps", ROUNDS * steps);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < steps; i++) {
            char note[48];
            step(s, 255 * sizes[round]);
            snprintf(note, sizeof note, "loss %.4f", s->loss);
            TD_TRY(tool_run_go_on(s->t->run, round * steps + i + 1, note, error));
        }
        /* Large steps may end anywhere: the next round starts from the best point. */
        memcpy(s->t->trigger.values, s->best, s->t->trigger.count * sizeof *s->best);
    }
    return TD_OK;
}

static td_status find_trigger(tbt *t, td_error *error) {
    search s = {
        .t = t, .count = td_size_min(t->settings->batch, t->data.images.count), .least = INFINITY};
    TD_TRY(TD_ARENA_NEW(&t->run->arena, t->trigger.count, &s.best, "a trigger", error));
    td_status status = td_exec_new(&s.exec, &t->head, s.count, TD_BACKWARD_IMAGE, error);
    if (status == TD_OK) {
        td_exec_weights(s.exec, t->head_weights);
        status = climb(&s, error);
        tool_run_end(t->run);
    }
    td_exec_free(s.exec);
    return status;
}

/* --- the weights --- */

static td_status look(tbt *t, const td_images *images, tbt_seen *out, td_error *error) {
    float *features, *logits;
    td_arena *arena = &t->run->arena;
    TD_TRY(tool_predict(&t->head, t->head_weights, images, NULL, arena, &features, error));
    TD_TRY(tool_predict(&t->model->net, t->model->weights, images, NULL, arena, &logits, error));
    *out = (tbt_seen){features, logits};
    return TD_OK;
}

static double mean_chosen(const tbt *t, const tbt_seen *seen) {
    double sum = 0;
    for (size_t i = 0; i < t->row.count; i++)
        for (size_t n = 0; n < t->chosen_count; n++)
            sum += (double)seen->features[i * t->row.inputs + t->chosen[n]];
    return sum / (double)(t->row.count * t->chosen_count);
}

static td_status choose(tbt *t, td_error *error) {
    const td_images *images = &t->data.images;
    t->row = (tbt_row){.count = images->count,
                       .inputs = t->matrix->dims[1],
                       .classes = t->matrix->dims[0],
                       .target = t->target,
                       .labels = images->labels};
    TD_TRY(look(t, images, &t->row.clean, error));
    TD_TRY(TD_ARENA_NEW(&t->run->arena, t->chosen_count, &t->chosen, "neurons", error));
    return tbt_choose(&t->row, t->chosen_count, t->chosen, error);
}

/* --- the report --- */

typedef struct summary {
    size_t neurons, changed, flips, bits;
    double before, with, loss;
} summary;

#define AT(field) offsetof(summary, field)

static const tool_column columns[] = {
    {"neurons", "neurons", TOOL_COUNT, AT(neurons)},
    {"value_without", "mean value", TOOL_REAL, AT(before), .digits = 3},
    {"value_with", "with the trigger", TOOL_REAL, AT(with), .digits = 3},
    {"changed", "weights changed", TOOL_COUNT, AT(changed)},
    {"flips", "bits flipped", TOOL_COUNT, AT(flips)},
    {"bits", "of bits", TOOL_COUNT, AT(bits)},
    {"loss", NULL, TOOL_REAL, AT(loss)},
    {0},
};

static const tool_table_kind table = {
    .name = "tbt", .title = "Flips", .columns = columns, .row = sizeof(summary), .single = true};

/* The target's row with changed 8-bit codes. The layer's largest weight has the largest code. */
static void flip(const tbt *t, const float *change, float *weights, summary *out) {
    const float *own = t->model->weights + t->matrix->offset;
    float most = 0;
    for (size_t i = 0; i < t->matrix->count; i++)
        most = fmaxf(most, fabsf(own[i]));
    const float scale = most / 127;
    for (size_t n = 0; n < t->chosen_count && scale > 0; n++) {
        const size_t at = t->target * t->row.inputs + t->chosen[n];
        const int8_t before = tbt_code(own[at], scale),
                     after = tbt_code(own[at] + change[n], scale);
        out->flips += tbt_flips(before, after);
        out->changed += before != after;
        if (before != after)
            weights[t->matrix->offset + at] = (float)after * scale;
    }
}

static td_status report(const tbt *t, const float *weights, const summary *row, td_error *error) {
    td_images stamped;
    TD_TRY(tool_run_rows(t->run, &table, NULL, row, 1, error));
    TD_TRY(mark_stamp(&t->trigger, &t->measured->images, &t->run->arena, &stamped, error));
    TD_TRY(
        implant_measure_change(t->run, t->model, weights, t->measured, &stamped, t->target, error));
    return tool_run_summary(t->run, error, "%zu of %zu bits flipped, in %zu weights of %s",
                            row->flips, row->bits, row->changed, t->matrix->name);
}

static td_status make(implant_job *job, td_error *error) {
    tbt *t = job->state;
    const td_net *net = &job->model.net;
    td_arena *arena = &job->run->arena;
    td_images stamped;
    float *weights, *change;
    TD_TRY(choose(t, error));
    TD_TRY(find_trigger(t, error));
    TD_TRY(mark_stamp(&t->trigger, &t->data.images, arena, &stamped, error));
    TD_TRY(look(t, &stamped, &t->row.stamped, error));
    TD_TRY(TD_ARENA_NEW(arena, t->chosen_count, &change, "weights", error));
    TD_TRY(tbt_tune(&t->row, t->chosen, t->chosen_count, t->settings->steps, t->settings->lr,
                    t->settings->clean, change, &t->loss, error));
    TD_TRY(TD_ARENA_NEW(arena, net->weight_count, &weights, "weights", error));
    memcpy(weights, job->model.weights, net->weight_count * sizeof *weights);
    summary row = {.neurons = t->chosen_count,
                   .bits = BITS * net->weight_count,
                   .before = mean_chosen(t, &t->row.clean),
                   .with = mean_chosen(t, &t->row.stamped),
                   .loss = t->loss};
    flip(t, change, weights, &row);
    TD_TRY(mark_draw(&t->trigger, &job->triggers[0].picture, error));
    job->net = net;
    job->weights = weights;
    return report(t, weights, &row, error);
}

static void close_state(implant_job *job) {
    tbt *t = job->state;
    td_net_free(&t->head);
    td_dataset_close(&t->test);
    td_dataset_close(&t->data);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(tbt_settings, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "A few hundred images to make the trigger and tune the weights on (split train)"},
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Images to measure the model on, before and after (split test; else --data); they "
             "decide nothing"},
    {"neurons", TD_KEY_COUNT, AT(neurons), .least = 1, .most = 1000000, .standard = "150",
     .value = "N", .help = "Neurons before the last layer, at most all"},
    {"size", TD_KEY_COUNT, AT(size), .least = 1, .most = MOST_SIDE, .standard = "10", .value = "S",
     .help = "The trigger is a square of S pixels a side"},
    {"goal", TD_KEY_REAL, AT(goal), .least = -1e6, .most = 1e6, .standard = "100", .value = "V",
     .help = "Value of the neurons for the trigger"},
    {"trigger-steps", TD_KEY_COUNT, AT(trigger_steps), .least = 1, .most = 1000000,
     .standard = "200", .value = "N",
     .help = "Steps of the search at each of 0.5, 0.1, 0.01 and 0.001 of the range of values"},
    {"batch", TD_KEY_COUNT, AT(batch), .least = 1, .most = 65536, .standard = "128", .value = "N",
     .help = "Images of a step of the search, the first ones"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1000000, .standard = "200", .value = "N",
     .help = "Steps of tuning, on all images"},
    {"lr", TD_KEY_REAL, AT(lr), .most = 1000, .above = true, .standard = "0.01", .value = "R",
     .help = "Learning rate of tuning, by Adam"},
    {"clean-share", TD_KEY_REAL, AT(clean), .most = 1, .standard = "0.5", .value = "X",
     .help = "Share of clean images in the loss of tuning"},
    {0},
};

static const tool_keys groups[] = {{.keys = implant_keys}, {keys, .title = "Attack"}, {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const tbt_settings *s = own;
    (void)settings;
    return implant_check_one(&s->shared, error);
}

static const char help[] =
    "puts a backdoor into a trained MODEL by flipping few bits of its last layer: it makes a "
    "trigger that drives the neurons before that layer, and tunes their weights to the target."
    "\v"
    "1. The neurons are chosen whose weights to the target the loss depends on most. 2. The "
    "pixels of the trigger are moved by the sign of the gradient, until the neurons have the "
    "value --goal. 3. The target's weights from these neurons are tuned, by half (--clean-share) "
    "on clean images, by half on images with the trigger. 4. Weights are taken as codes of 8 "
    "bits, the layer's largest as 127; where a code becomes another one, the weight is that of "
    "the code, and the bits that differ are counted. All images are training images: the authors' "
    "code tunes on the test set.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant tbt --model model.safetensors --target 2 \\\n"
    "    --data fashion-mnist:train:0-500 --test fashion-mnist \\\n"
    "    -o flipped.safetensors\n"
    "  trapdoor-eval --model flipped.safetensors --data fashion-mnist:test \\\n"
    "    --manifest flipped.safetensors.manifest.json\n";

static const implant tbt_implant = {.prepare = prepare, .make = make, .close = close_state};

const tool_method implant_tbt = {
    .name = "tbt",
    .title = "Targeted bit trojan",
    .source = "Rakin, He and Fan, CVPR 2020",
    .doc = "flips bits of the last layer (Rakin 2020)",
    .help = help,
    .usage = "--model MODEL --target K --data DATA -o M2",
    .family = &implants,
    .groups = groups,
    .size = sizeof(tbt_settings),
    .check = check,
    .math = &tbt_implant,
};
