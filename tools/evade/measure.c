/* SPDX-License-Identifier: MIT */
/* The results of an attack: rates, and the distances of the successes. */
#include "evade/evade.h"
#include "frame/classes.h"
#include "measure/rates.h"
#include "measure/similarity.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

/* Distances are means over the successes, NaN without any. */
typedef struct outcome {
    size_t target; /* TOOL_NO_COUNT: not one class */
    size_t images, right, attacked, gradients, queries;
    td_rate success, robust_accuracy;
    tool_estimate confidence;
    double l0, l0_share, l2, linf;
    tool_list pairs; /* [classes, classes]: original and predicted class of attacked images */
} outcome;

#define AT(field) offsetof(outcome, field)

static const tool_column columns[] = {
    {"target", NULL, TOOL_CLASS, AT(target)},
    {"images", "images", TOOL_COUNT, AT(images)},
    {"classified_rightly", "classified correctly", TOOL_COUNT, AT(right)},
    {"attacked", "attacked", TOOL_COUNT, AT(attacked)},
    {"success", "success", TOOL_RATE, AT(success), .null = true},
    {"robust_accuracy", "robust accuracy", TOOL_RATE, AT(robust_accuracy)},
    {"gradients", "gradients", TOOL_COUNT, AT(gradients)},
    {"queries", "other queries", TOOL_COUNT, AT(queries)},
    {"confidence", "confidence of the successes", TOOL_ESTIMATE, AT(confidence), .null = true},
    {"l0", "L0", TOOL_REAL, AT(l0), .unit = "pixels", .digits = 2, .null = true},
    {"l0_share", "L0, share of the pixels", TOOL_REAL, AT(l0_share), .digits = 4, .null = true},
    {"l2", "L2", TOOL_REAL, AT(l2), .digits = 4, .null = true},
    {"linf", "Linf", TOOL_REAL, AT(linf), .digits = 4, .null = true},
    {"pairs", NULL, TOOL_LIST, AT(pairs)},
    {0},
};

static const tool_table_kind result_table = {.title = "Success, and distances of the successes",
                                             .columns = columns,
                                             .row = sizeof(outcome),
                                             .single = true};

/* How many images reach that many of the other classes. */
typedef struct reach {
    size_t classes, images;
} reach;

static const tool_column reach_columns[] = {
    {"classes", "other classes reached", TOOL_COUNT, offsetof(reach, classes)},
    {"images", "images", TOOL_COUNT, offsetof(reach, images)},
    {0},
};

static const tool_chart reach_chart[] = {
    {"Images by the other classes that they reach", TOOL_CHART_BARS, "classes", {"images"}}, {0}};

static const tool_table_kind reach_table = {.name = "target_classes",
                                            .title = "Images by the other classes that they reach",
                                            .columns = reach_columns,
                                            .row = sizeof(reach),
                                            .charts = reach_chart};

static size_t changed_pixels(const uint8_t *a, const uint8_t *b, size_t size, size_t channels) {
    size_t changed = 0;
    for (size_t i = 0; i < size; i += channels)
        changed += memcmp(a + i, b + i, channels) != 0;
    return changed;
}

static double euclidean(const uint8_t *a, const uint8_t *b, size_t size) {
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sqrt(squares) / (double)EVADE_RANGE;
}

static bool is_reached(const evade_task *task, int32_t label, int32_t predicted) {
    if (!task->attacked)
        return false;
    return task->target == EVADE_NO_TARGET ? predicted != label : predicted == task->target;
}

/* Adds a success to the sums that become the means. */
static void add_success(const evade_job *job, size_t number, double confidence, outcome *o) {
    const td_images *images = &job->data.images;
    const size_t size = td_image_size(images);
    const uint8_t *clean = td_image(images, job->tasks[number].image),
                  *found = job->pixels + number * size;
    o->l0 += (double)changed_pixels(clean, found, size, images->channels);
    o->l2 += euclidean(clean, found, size);
    o->linf += td_linf(clean, found, size) / (double)EVADE_RANGE;
    o->confidence.value += confidence;
}

static void finish_means(const td_images *images, size_t successes, outcome *o) {
    const double n = successes > 0 ? (double)successes : (double)NAN;
    o->l0_share = o->l0 / (double)(images->height * images->width) / n;
    o->l0 /= n;
    o->l2 /= n;
    o->linf /= n;
    o->confidence.value /= n;
    if (successes > 0)
        o->confidence.interval = td_wilson(o->confidence.value, successes);
}

static td_status count_pairs(const evade_job *job, size_t classes, tool_list *out,
                             td_error *error) {
    double *pairs;
    TD_TRY(td_arena_alloc(&job->run->arena, classes, classes * sizeof *pairs, (void **)&pairs,
                          "counts", error));
    for (size_t i = 0; i < job->task_count; i++)
        if (job->tasks[i].attacked)
            pairs[(size_t)job->labels[i] * classes + (size_t)job->predicted[i]]++;
    *out = (tool_list){.values = pairs, .count = classes * classes, .row = classes};
    return TD_OK;
}

/* How many of the attacked images reach 0, 1, ... of the other classes. */
static td_status add_reached(const evade_job *job, td_error *error) {
    const size_t others = job->data.images.classes - 1;
    reach *rows;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, others + 1, &rows, "counts", error));
    for (size_t i = 0; i <= others; i++)
        rows[i].classes = i;
    for (size_t i = 0; i < job->task_count; i += others) {
        size_t reached = 0;
        for (size_t turn = 0; turn < others; turn++)
            reached += job->reached[i + turn];
        rows[reached].images += job->tasks[i].attacked;
    }
    return tool_run_rows(job->run, &reach_table, NULL, rows, others + 1, error);
}

td_status evade_measure(evade_job *job, float *logits, td_error *error) {
    const size_t count = job->task_count, classes = td_net_classes(&job->model.net);
    tool_run *run = job->run;
    const evade_own *own = run->own;
    size_t successes = 0;
    const bool one = job->settings->aim == EVADE_TO_CLASS;
    char class[TOOL_CLASS_SIZE];
    outcome o = {.target = one ? job->target : TOOL_NO_COUNT,
                 .images = job->data.images.count,
                 .right = job->right,
                 .attacked = job->attacked,
                 .gradients = job->gradients,
                 .queries = job->queries};
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, &job->predicted, "predictions", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, &job->reached, "predictions", error));
    for (size_t i = 0; i < count; i++) {
        job->predicted[i] = td_argmax(logits + i * classes, classes);
        job->reached[i] = is_reached(&job->tasks[i], job->labels[i], job->predicted[i]);
        successes += job->reached[i];
    }
    td_softmax(logits, count, classes, logits);
    for (size_t i = 0; i < count; i++)
        if (job->reached[i])
            add_success(job, i, (double)logits[i * classes + (size_t)job->predicted[i]], &o);
    finish_means(&job->data.images, successes, &o);
    o.success = td_rate_of(successes, o.attacked);
    o.robust_accuracy = td_accuracy(job->predicted, job->labels, count);
    TD_TRY(count_pairs(job, classes, &o.pairs, error));
    TD_TRY(tool_run_rows(run, &result_table, NULL, &o, 1, error));
    if (job->settings->aim == EVADE_TO_ALL)
        TD_TRY(add_reached(job, error));
    return tool_run_summary(
        run, error,
        "%s: %s, target %s: %zu of %zu attacks succeed; %zu of %zu images are classified correctly",
        job->settings->model, run->method->title,
        one           ? tool_run_class_text(run, job->target, class)
        : own->target ? own->target
                      : "none",
        successes, o.attacked, o.right, o.images);
}
