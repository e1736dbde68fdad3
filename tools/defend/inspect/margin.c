/* SPDX-License-Identifier: MIT */
/* Margins: for each class it optimises an image, from noise, for the largest margin of the class's
 * logit over all others (Wang et al., "MM-BD: post-training detection of backdoor attacks with
 * arbitrary backdoor pattern types using a maximum margin statistic", IEEE S&P 2024). Images
 * typical of a class have large margins too, so the component of the features along the mean of its
 * clean images is removed: h' = h - (h·u) u, u along that mean. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/inspect/backward.h"
#include "defend/inspect/sample.h"
#include "defend/method.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include "nn/predict.h"
#include <string.h>

#define AT(field) offsetof(margin_options, field)

typedef struct margin_options {
    size_t starts, steps;
} margin_options;

enum { MOST_BATCH = 128, DRAW_START = 3 }; /* epoch of TD_FOR_SCREEN; index: the search */

static const float WHITE = 255;
static const double MOMENTUM = 0.8, FIRST_STEP = 25, SLOWER = 0.8; /* grey levels a pixel */

/* The last layer, logits = weight·h + bias, if the net ends with one; otherwise h are the logits.
 */
typedef struct search {
    const inspect_sample *sample;
    const margin_options *options;
    td_net head; /* up to h */
    float *head_weights;
    const float *weight, *bias; /* NULL: h are the logits */
    size_t features;
    float *along;             /* [classes, features]: u; 0 if nothing is removed */
    float *overlap;           /* [classes, classes]: weight of a logit · u of a class */
    float *images, *velocity; /* [classes · starts, values] */
    float *margins;           /* [classes · starts]: of the last step */
    td_exec *exec;
    const float *slope;
    size_t begin, count, step; /* the searches of the batch */
} search;

static double dot(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += (double)a[k] * (double)b[k];
    return sum;
}

/* --- splitting the net --- */

/* The mean feature vector of the class's clean images, normalised to length 1. */
static td_status find_directions(inspection *in, search *s, const td_images *images,
                                 td_error *error) {
    float *h;
    TD_TRY(td_predict(&s->head, s->head_weights, images, (td_predict_watch){0}, &in->run->arena, &h,
                      error));
    for (size_t i = 0; i < images->count; i++)
        for (size_t k = 0; k < s->features; k++)
            s->along[(size_t)images->labels[i] * s->features + k] += h[i * s->features + k];
    for (size_t t = 0; t < s->sample->classes; t++) {
        float *u = s->along + t * s->features;
        const double length = sqrt(dot(u, u, s->features));
        for (size_t k = 0; k < s->features; k++)
            u[k] = length > 0 ? (float)((double)u[k] / length) : 0;
        for (size_t k = 0; k < s->sample->classes; k++)
            s->overlap[t * s->sample->classes + k] =
                (float)dot(u, s->weight + k * s->features, s->features);
    }
    return TD_OK;
}

static td_status split(inspection *in, search *s, td_error *error) {
    const td_net *net = &in->model.net;
    const td_node *last = &net->nodes[net->node_count - 1];
    const bool dense = last->op->dense && last->op->channels == TD_CHANNELS_NEW;
    const size_t at = dense ? last->inputs[0] : net->node_count - 1;
    td_arena *arena = &in->run->arena;
    TD_TRY(td_net_head(net, in->model.weights, net->nodes[at].name, false, &s->head,
                       &s->head_weights, arena, error));
    s->features = td_net_classes(&s->head);
    TD_TRY(TD_ARENA_NEW(arena, s->sample->classes * s->features, &s->along, "features", error));
    TD_TRY(TD_ARENA_NEW(arena, s->sample->classes * s->sample->classes, &s->overlap, "features",
                        error));
    if (!dense)
        return TD_OK;
    s->weight = in->model.weights + net->params[last->params[0]].offset;
    s->bias = in->model.weights + net->params[last->params[1]].offset;
    return find_directions(in, s, &s->sample->search, error);
}

/* --- a step --- */

static size_t class_of(const search *s, size_t number) {
    return number / s->options->starts;
}

static void fill(void *context, size_t item) {
    const search *s = context;
    const size_t values = s->sample->values;
    memcpy(td_exec_input(s->exec) + item * values, s->images + (s->begin + item) * values,
           values * sizeof(float));
}

/* The margin of a search's class without the component along u, and its gradient with respect to h.
 */
static void aim(const search *s, size_t item, const float *h, float *slope) {
    const size_t t = class_of(s, s->begin + item), classes = s->sample->classes;
    const float *u = s->along + t * s->features, *overlap = s->overlap + t * classes;
    const double common = dot(u, h, s->features);
    double own = 0, most = -INFINITY;
    size_t rival = t;
    for (size_t k = 0; k < classes; k++) {
        const double logit = s->weight ? (double)s->bias[k] - common * (double)overlap[k] +
                                             dot(s->weight + k * s->features, h, s->features)
                                       : (double)h[k];
        if (k == t)
            own = logit;
        else if (logit > most) {
            most = logit;
            rival = k;
        }
    }
    s->margins[s->begin + item] = (float)(own - most);
    for (size_t k = 0; k < s->features; k++)
        slope[k] = s->weight ? s->weight[t * s->features + k] - s->weight[rival * s->features + k] -
                                   (overlap[t] - overlap[rival]) * u[k]
                             : (float)(k == t) - (float)(k == rival);
}

static void move(void *context, size_t item) {
    const search *s = context;
    const size_t values = s->sample->values, place = (s->begin + item) * values;
    const float *slope = s->slope + item * values;
    float *velocity = s->velocity + place, *image = s->images + place;
    const double length = sqrt(dot(slope, slope, values));
    for (size_t k = 0; k < values; k++)
        velocity[k] =
            (float)(MOMENTUM * (double)velocity[k] + (length > 0 ? (double)slope[k] / length : 0));
    const double speed = sqrt(dot(velocity, velocity, values)),
                 part = (double)s->step / (double)s->options->steps,
                 step = FIRST_STEP * (1 - SLOWER * part) * sqrt((double)values);
    for (size_t k = 0; k < values; k++)
        image[k] = fminf(fmaxf(image[k] + (speed > 0 ? (float)(step / speed) * velocity[k] : 0), 0),
                         WHITE);
}

/* --- all --- */

static td_status search_batch(inspection *in, search *s, size_t done, td_error *error) {
    for (s->step = 0; s->step <= s->options->steps; s->step++) {
        TD_TRY(tool_run_go_on(in->run, done + s->step, NULL, error));
        td_parallel_each(s->count, fill, s);
        const float *h = td_exec_forward(s->exec, s->count);
        for (size_t i = 0; i < s->count; i++)
            aim(s, i, h + i * s->features, td_exec_logits_gradient(s->exec) + i * s->features);
        if (s->step == s->options->steps)
            break;
        s->slope = inspect_backward(s->exec, s->count * s->sample->values, &in->has_gradient);
        td_parallel_each(s->count, move, s);
    }
    return TD_OK;
}

static td_status begin(inspection *in, search *s, td_error *error) {
    const size_t searches = s->sample->classes * s->options->starts, values = s->sample->values;
    td_arena *arena = &in->run->arena;
    TD_TRY(TD_ARENA_NEW(arena, searches * values, &s->images, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, searches * values, &s->velocity, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, searches, &s->margins, "margins", error));
    for (size_t i = 0; i < searches; i++) {
        td_random random =
            td_random_for(in->run->common->seed, TD_FOR_SCREEN, DRAW_START, (uint32_t)i);
        for (size_t k = 0; k < values; k++)
            s->images[i * values + k] = WHITE * td_random_unit(&random);
    }
    return TD_OK;
}

static td_status search_all(inspection *in, search *s, td_error *error) {
    const size_t searches = s->sample->classes * s->options->starts,
                 batch = td_size_min(MOST_BATCH, searches);
    TD_TRY(begin(in, s, error));
    TD_TRY(td_exec_new(&s->exec, &s->head, batch, TD_BACKWARD_INPUT, error));
    td_exec_weights(s->exec, s->head_weights);
    tool_run_begin(in->run, "searching images", "steps",
                   td_chunks(searches, batch) * s->options->steps);
    td_status status = TD_OK;
    for (s->begin = 0; s->begin < searches && status == TD_OK; s->begin += batch) {
        s->count = td_size_min(batch, searches - s->begin);
        status = search_batch(in, s, s->begin / batch * s->options->steps, error);
    }
    tool_run_end(in->run);
    td_exec_free(s->exec);
    return status;
}

/* The best start of a class. */
static td_status add(inspection *in, const search *s, size_t t, td_error *error) {
    const size_t starts = s->options->starts, values = s->sample->values;
    size_t best = t * starts;
    for (size_t i = best; i < (t + 1) * starts; i++)
        if (s->margins[i] > s->margins[best])
            best = i;
    finding one = finding_new(t, (double)s->margins[best] / s->sample->scale);
    if (in->pictures) {
        float *change;
        TD_TRY(TD_ARENA_NEW(&in->run->arena, values, &change, "an image", error));
        for (size_t k = 0; k < values; k++)
            change[k] = s->images[best * values + k] - WHITE / 2;
        one.trigger.change = change;
    }
    return inspect_add(in, &one, error);
}

static td_status run(inspection *in, td_error *error) {
    inspect_sample sample;
    search s = {.sample = &sample, .options = in->run->own};
    TD_TRY(inspect_sample_take(in, SAMPLE_PER_CLASS, &sample, error));
    td_status status = split(in, &s, error);
    if (status == TD_OK)
        status = search_all(in, &s, error);
    td_net_free(&s.head);
    for (size_t t = 0; t < sample.classes && status == TD_OK; t++)
        status = add(in, &s, t, error);
    in->said = "the largest margins that an image out of noise can reach";
    return status;
}

static const inspector math = {
    .statistic = {.name = "margin", .unit = "of the model's usual one", .large = true},
    .spread = FINDINGS_RANKED,
    .by_gradient = true,
    .clean = INSPECT_NEEDS_CLEAN,
    .pictures = true,
    .run = run,
};

static const td_key keys[] = {
    {"starts", TD_KEY_COUNT, AT(starts), .least = 1, .most = 1000, .standard = "4", .value = "N",
     .help = "Searches for each class, each from other noise"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 10000, .standard = "40", .value = "N",
     .help = "Steps of a search"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "searches, for each class, from noise, the image that the model is surest of: the largest "
    "margin of the class, in units of the model's usual margin. What an image has in common with "
    "the class's clean images does not count. A backdoor raises the margin of its class, whatever "
    "the trigger is."
    "\v"
    "Another training recipe also moves these margins: use controls of the model's own recipe. "
    "Nothing is flagged here: trapdoor-defend screen or audit, with --controls, compare the "
    "numbers with those of clean models.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend margin --model model.safetensors --clean mnist:test";

const tool_method defend_margin = {
    .name = "margin",
    .title = "Margins",
    .source = "after Wang et al., IEEE S&P 2024",
    .doc = "the largest margin of each class, from noise",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(margin_options),
    .math = &math,
};
