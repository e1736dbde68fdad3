/* SPDX-License-Identifier: MIT */
/* Removes the backdoor (Wang et al. 2019, section VI).
 *
 * Unlearning (C) trains the model further on clean images and on copies of a share of them stamped
 * with the recovered trigger, exact and not as an 8-bit picture, with their true labels.
 *
 * Pruning (B) masks the neurons before the last dense layer one by one, starting with those that
 * the trigger raises most, until the trigger has no effect on the clean images. A neuron is kept if
 * masking it would cost more accuracy than the tolerance.
 *
 * The filter (A) scores an input by the mean value of the 1 % of these neurons that the trigger
 * raises most, and rejects it above a threshold calibrated on clean images. Several triggers reject
 * independently, each with its part of --fpr. */
#include "defend/inspect/cleanse.h"
#include "frame/classes.h"
#include "measure/roc.h"
#include "nn/channels.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include <string.h>

/* Epoch of TD_FOR_CLEANSE, above all classes: which images are stamped for unlearning. */
#define DRAW_SHARE UINT32_MAX

/* --- stamped images --- */

static void stamp(const inspection *in, size_t class, size_t i, uint8_t *pixels) {
    const inspect_trigger trigger = findings_find(&in->found, class)->trigger;
    (void)i;
    for (size_t k = 0; k < td_shape_size(in->shape); k++) {
        const float x = pixels[k], m = trigger.mask[k / in->shape.channels];
        pixels[k] = (uint8_t)(x + m * (trigger.pattern[k] - x) + 0.5F);
    }
}

/* Copies of all images except those of the target class. */
static td_status gather_others(const td_images *images, td_target target, td_arena *arena,
                               td_images *out, td_error *error) {
    uint32_t *numbers;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &numbers, "images", error));
    for (size_t i = 0; i < images->count; i++)
        if (images->labels[i] != td_target_of(target, images->labels[i]))
            numbers[count++] = (uint32_t)i;
    return defend_gather(images, numbers, count, arena, out, error);
}

/* The same stamped with the recovered trigger: x' rounded to whole values, as a camera would. */
static td_status stamp_others(const inspection *in, const td_images *images, size_t class,
                              td_arena *arena, td_images *out, td_error *error) {
    const size_t size = td_image_size(images);
    uint8_t *pixels;
    TD_TRY(gather_others(images, td_target_class(class), arena, out, error));
    TD_TRY(td_arena_alloc(arena, out->count, size, (void **)&pixels, "images", error));
    memcpy(pixels, out->pixels, out->count * size);
    for (size_t i = 0; i < out->count; i++)
        stamp(in, class, i, pixels + i * size);
    out->pixels = pixels;
    return TD_OK;
}

/* --- unlearning --- */

static td_status unlearn(inspection *in, const td_net **net, float **weights, td_error *error) {
    const cleanse *c = in->state;
    inspect_unlearning how = {
        .how = "unlearn",
        .tune = &c->options->tune,
        .share = c->options->share,
        .order = td_random_for(in->run->common->seed, TD_FOR_CLEANSE, DRAW_SHARE, 0),
        .classes = c->patched,
        .class_count = c->patched_count,
        .stamp = stamp,
    };
    *net = &in->model.net;
    return inspect_unlearn(in, &in->images, &how, weights, error);
}

/* --- the neurons --- */

typedef struct neuron_layer {
    inspection *in;
    const cleanse *cleanse;
    const char *how, *layer; /* how: the use of the neurons */
    size_t node, count;
    float *clean; /* [images, count]: their values on the clean images */
    td_arena arena;
} neuron_layer;

/* The effect of a trigger on the neurons. */
typedef struct raised {
    td_images images; /* clean images of other classes, stamped */
    float *values;    /* [images, neurons] */
    size_t *order;    /* [neurons]: by how much it raises their mean value, in falling order */
    double *fall;     /* [neurons]: the loss of that mean value */
} raised;

static td_status find_values(const neuron_layer *n, const td_images *images, td_arena *arena,
                             float **out, td_error *error) {
    const td_model *model = &n->in->model;
    td_net part;
    float *weights;
    TD_TRY(
        td_net_head(&model->net, model->weights, n->layer, false, &part, &weights, arena, error));
    td_status status = td_predict(&part, weights, images, (td_predict_watch){0}, arena, out, error);
    td_net_free(&part);
    return status;
}

static td_status open_neurons(neuron_layer *n, inspection *in, const char *how, td_error *error) {
    const td_net *net = &in->model.net;
    const td_node *last = &net->nodes[net->node_count - 1];
    *n = (neuron_layer){.in = in, .cleanse = in->state, .how = how};
    if (!last->op->dense)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net that ends with a dense layer, found %s (\"%s\")",
                       in->settings->model.path, last->op->name, last->name);
    n->node = last->inputs[0];
    while (net->nodes[n->node].op->training_only)
        n->node = net->nodes[n->node].inputs[0];
    n->layer = net->nodes[n->node].name;
    n->count = net->nodes[n->node].shape.channels;
    return find_values(n, &in->images, &n->arena, &n->clean, error);
}

static void add_means(const neuron_layer *n, const float *values, size_t images, double sign,
                      double *means) {
    for (size_t i = 0; i < images; i++)
        for (size_t k = 0; k < n->count; k++)
            means[k] += sign * (double)values[i * n->count + k] / (double)images;
}

static td_status raise(neuron_layer *n, size_t class, raised *out, td_error *error) {
    const td_images *images = &n->in->images;
    TD_TRY(stamp_others(n->in, images, class, &n->arena, &out->images, error));
    TD_TRY(find_values(n, &out->images, &n->arena, &out->values, error));
    TD_TRY(TD_ARENA_NEW(&n->arena, n->count, &out->order, "neurons", error));
    TD_TRY(TD_ARENA_NEW(&n->arena, n->count, &out->fall, "neurons", error));
    add_means(n, n->clean, images->count, 1, out->fall);
    add_means(n, out->values, out->images.count, -1, out->fall);
    td_channels_rank(out->fall, n->count, out->order);
    return TD_OK;
}

/* --- pruning --- */

/* A trigger with at most this ASR counts as removed. */
static const double GONE = 0.05;

/* Images at the last dense layer: masking a neuron subtracts its part from the logits. */
typedef struct subject {
    const float *values; /* [count, neurons] */
    double *logits;      /* [count, classes], with the neurons masked so far */
    const int32_t *labels;
    size_t count;
} subject;

typedef struct pruning {
    neuron_layer of;
    size_t classes;
    const float *weight, *bias; /* of the last dense layer: [classes, neurons], [classes] */
    subject clean;
    bool *masked;            /* [neurons] */
    size_t count;            /* number of masked neurons */
    double accuracy, pruned; /* on the clean images, before and after */
} pruning;

/* The result for a class's trigger. */
typedef struct pruned_class {
    size_t class, count; /* of neurons */
    double asr, pruned;  /* its ASR before and after */
    bool left;
} pruned_class;

#define AT(field) offsetof(pruning, field)
#define AT_CLASS(field) offsetof(pruned_class, field)

static const tool_column prune_columns[] = {
    {"how", NULL, TOOL_TEXT, AT(of.how)},
    {"layer", "layer", TOOL_TEXT, AT(of.layer)},
    {"neurons", "neurons", TOOL_COUNT, AT(of.count)},
    {"pruned", "pruned", TOOL_COUNT, AT(count)},
    {"accuracy", "accuracy on the clean images", TOOL_REAL, AT(accuracy), .digits = 4},
    {"pruned_accuracy", "after", TOOL_REAL, AT(pruned), .digits = 4},
    {0},
};

static const tool_column class_columns[] = {
    {"class", "class", TOOL_CLASS, AT_CLASS(class)},
    {"pruned", "neurons pruned", TOOL_COUNT, AT_CLASS(count)},
    {"asr", "ASR of the recovered trigger", TOOL_REAL, AT_CLASS(asr), .digits = 4},
    {"pruned_asr", "after", TOOL_REAL, AT_CLASS(pruned), .digits = 4},
    {"left", "", TOOL_FLAG, AT_CLASS(left), .flag = "NOT GONE within the tolerance"},
    {0},
};

static const tool_table_kind prune_table = {
    .title = "Pruning", .columns = prune_columns, .row = sizeof(pruning), .single = true};

static const tool_table_kind class_table = {.name = "classes",
                                            .title = "Pruning by class",
                                            .columns = class_columns,
                                            .row = sizeof(pruned_class)};

/* Adds a neuron's part to the logits or, with sign -1, subtracts it. */
static void change(const pruning *p, subject *s, size_t neuron, double sign) {
    const size_t neurons = p->of.count;
    for (size_t i = 0; i < s->count; i++)
        for (size_t c = 0; c < p->classes; c++)
            s->logits[i * p->classes + c] += sign * (double)s->values[i * neurons + neuron] *
                                             (double)p->weight[c * neurons + neuron];
}

static td_status open_subject(pruning *p, const td_images *images, const float *values, subject *s,
                              td_error *error) {
    *s = (subject){.values = values, .labels = images->labels, .count = images->count};
    TD_TRY(td_arena_alloc(&p->of.arena, s->count * p->classes, sizeof *s->logits,
                          (void **)&s->logits, "predictions", error));
    for (size_t i = 0; i < s->count * p->classes; i++)
        s->logits[i] = (double)p->bias[i % p->classes];
    for (size_t k = 0; k < p->of.count; k++)
        if (!p->masked[k])
            change(p, s, k, 1);
    return TD_OK;
}

/* The share of the images classified as their label or, with a target, as the target. */
static double rate(const pruning *p, const subject *s, const size_t *target) {
    size_t hits = 0;
    for (size_t i = 0; i < s->count; i++) {
        const double *row = s->logits + i * p->classes;
        size_t best = 0;
        for (size_t c = 1; c < p->classes; c++)
            if (row[c] > row[best])
                best = c;
        hits += best == (target ? *target : (size_t)s->labels[i]);
    }
    return s->count ? (double)hits / (double)s->count : 0;
}

/* Masks neurons in order until the trigger has no effect. */
static void mask_neurons(pruning *p, subject *triggered, const raised *by, pruned_class *row) {
    const double least = p->accuracy - p->of.cleanse->options->tolerance;
    row->asr = row->pruned = rate(p, triggered, &row->class);
    for (size_t i = 0; i < p->of.count && row->pruned > GONE; i++) {
        const size_t neuron = by->order[i];
        if (by->fall[neuron] >= 0)
            break;
        if (p->masked[neuron])
            continue;
        change(p, &p->clean, neuron, -1);
        if (rate(p, &p->clean, NULL) < least) {
            change(p, &p->clean, neuron, 1);
            continue;
        }
        change(p, triggered, neuron, -1);
        p->masked[neuron] = true;
        p->count++;
        row->count++;
        row->pruned = rate(p, triggered, &row->class);
    }
    row->left = row->pruned > GONE;
}

static td_status open_pruning(pruning *p, inspection *in, td_error *error) {
    const td_net *net = &in->model.net;
    const td_node *last = &net->nodes[net->node_count - 1];
    TD_TRY(open_neurons(&p->of, in, "prune", error));
    p->classes = td_net_classes(net);
    p->weight = in->model.weights + net->params[last->params[0]].offset;
    p->bias = in->model.weights + net->params[last->params[1]].offset;
    TD_TRY(TD_ARENA_NEW(&p->of.arena, p->of.count, &p->masked, "neurons", error));
    TD_TRY(open_subject(p, &in->images, p->of.clean, &p->clean, error));
    p->accuracy = rate(p, &p->clean, NULL);
    return TD_OK;
}

static td_status prune(pruning *p, inspection *in, td_error *error) {
    const cleanse *c = in->state;
    pruned_class *rows;
    TD_TRY(open_pruning(p, in, error));
    TD_TRY(TD_ARENA_NEW(&p->of.arena, c->patched_count, &rows, "neurons", error));
    for (size_t i = 0; i < c->patched_count; i++) {
        raised by;
        subject triggered;
        rows[i].class = c->patched[i];
        TD_TRY(raise(&p->of, c->patched[i], &by, error));
        TD_TRY(open_subject(p, &by.images, by.values, &triggered, error));
        mask_neurons(p, &triggered, &by, &rows[i]);
    }
    p->pruned = rate(p, &p->clean, NULL);
    TD_TRY(tool_run_rows(in->run, &prune_table, "/patch", p, 1, error));
    return tool_run_rows(in->run, &class_table, "/patch", rows, c->patched_count, error);
}

/* inspect_repair. */
static td_status prune_model(inspection *in, const td_net **net, float **weights, td_error *error) {
    cleanse *c = in->state;
    pruning p = {0};
    size_t mask;
    td_status status = prune(&p, in, error);
    if (status == TD_OK)
        status = td_channels_insert(&in->model.net, in->model.weights, p.of.node, &in->run->arena,
                                    &c->pruned, weights, &mask, error);
    if (status == TD_OK) {
        float *values = td_channels_mask(&c->pruned, *weights, mask);
        for (size_t k = 0; k < p.of.count; k++)
            if (p.masked[k])
                values[k] = 0;
    }
    *net = &c->pruned;
    td_arena_free(&p.of.arena);
    return status;
}

/* --- the filter --- */

enum { PER_CENT = 100 };

typedef struct filter {
    neuron_layer of;
    size_t top;                    /* number of neurons in the score */
    tool_list classes, thresholds; /* classes to patch, and the score above which each rejects */
    raised *by;                    /* of each */
} filter;

/* --test unstamped, with a class's recovered trigger, or with a --trigger. */
typedef struct filter_set {
    const char *kind, *trigger;
    tool_target target;
    const repair_backdoor *backdoor;
    td_rate rejected;
} filter_set;

#undef AT
#define AT(field) offsetof(filter, field)
#define AT_SET(field) offsetof(filter_set, field)

static const tool_column filter_columns[] = {
    {"how", NULL, TOOL_TEXT, AT(of.how)},
    {"classes", NULL, TOOL_LIST, AT(classes)},
    {"thresholds", NULL, TOOL_LIST, AT(thresholds), .digits = 4},
    {"layer", "layer", TOOL_TEXT, AT(of.layer)},
    {"neurons", "neurons", TOOL_COUNT, AT(of.count)},
    {"top", "of them score", TOOL_COUNT, AT(top)},
    {0},
};

static const tool_column set_columns[] = {
    {"kind", "images", TOOL_TEXT, AT_SET(kind)},
    {"trigger", "trigger", TOOL_TEXT, AT_SET(trigger)},
    TOOL_TARGET_COLUMNS(filter_set, target, "class", "targets"),
    {"rejected", "rejected", TOOL_RATE, AT_SET(rejected)},
    {0},
};

static const tool_table_kind filter_table = {
    .title = "Filter", .columns = filter_columns, .row = sizeof(filter), .single = true};

static const tool_table_kind set_table = {
    .name = "sets", .title = "Images rejected", .columns = set_columns, .row = sizeof(filter_set)};

static double score(const filter *f, size_t which, const float *values) {
    double sum = 0;
    for (size_t k = 0; k < f->top; k++)
        sum += (double)values[f->by[which].order[k]];
    return sum / (double)f->top;
}

static td_status open_filter(filter *f, inspection *in, td_error *error) {
    const cleanse *c = in->state;
    const size_t count = in->images.count;
    td_arena *arena = &f->of.arena;
    double *scores, *thresholds;
    TD_TRY(open_neurons(&f->of, in, "filter", error));
    f->top = (f->of.count + PER_CENT - 1) / PER_CENT;
    TD_TRY(inspect_numbers(in, c->patched, c->patched_count, &f->classes, error));
    TD_TRY(TD_ARENA_NEW(arena, c->patched_count, &f->by, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, c->patched_count, &thresholds, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &scores, "scores", error));
    for (size_t k = 0; k < c->patched_count; k++) {
        TD_TRY(raise(&f->of, c->patched[k], &f->by[k], error));
        for (size_t i = 0; i < count; i++)
            scores[i] = score(f, k, f->of.clean + i * f->of.count);
        thresholds[k] =
            td_threshold_above(scores, count, c->options->fpr / (double)c->patched_count);
    }
    f->thresholds = (tool_list){thresholds, c->patched_count};
    return TD_OK;
}

/* How many images any trigger's threshold rejects. */
static td_status reject(const filter *f, const td_images *images, td_arena *arena, td_rate *out,
                        td_error *error) {
    float *values;
    size_t hits = 0;
    TD_TRY(find_values(&f->of, images, arena, &values, error));
    for (size_t i = 0; i < images->count; i++) {
        bool rejected = false;
        for (size_t k = 0; k < f->thresholds.count; k++)
            rejected |= score(f, k, values + i * f->of.count) > f->thresholds.values[k];
        hits += rejected;
    }
    *out = td_rate_of(hits, images->count);
    return TD_OK;
}

/* Images of a trigger's target class do not count. */
static td_status gather_set(const inspection *in, const filter_set *set, td_arena *arena,
                            td_images *out, td_error *error) {
    const td_dataset *test = &in->truth.test;
    const td_stamp first = {in->run->common->seed, test->first};
    td_images stamped;
    *out = test->images;
    if (!set->backdoor && set->target.class == TOOL_NO_COUNT)
        return TD_OK;
    if (!set->backdoor)
        return stamp_others(in, &test->images, set->target.class, arena, out, error);
    TD_TRY(td_trigger_stamp(set->backdoor->trigger, &test->images, first, arena, &stamped, error));
    return gather_others(&stamped, set->target.of, arena, out, error);
}

static td_status add_set(const filter *f, tool_table *table, filter_set set, td_error *error) {
    td_arena arena = {0};
    td_images images;
    td_status status = gather_set(f->of.in, &set, &arena, &images, error);
    if (status == TD_OK)
        status = reject(f, &images, &arena, &set.rejected, error);
    td_arena_free(&arena);
    return status == TD_OK ? tool_run_fill(f->of.in->run, table, &set, error) : status;
}

static td_status add_sets(const filter *f, td_error *error) {
    const repair_evaluator *truth = &f->of.in->truth;
    const cleanse *c = f->of.cleanse;
    tool_table *table;
    TD_TRY(tool_run_open(f->of.in->run, &set_table, "/patch", &table, error));
    TD_TRY(add_set(f, table, (filter_set){.kind = "clean", .target = tool_target_none()}, error));
    for (size_t k = 0; k < c->patched_count; k++)
        TD_TRY(add_set(
            f, table, (filter_set){.kind = "recovered", .target = tool_target_class(c->patched[k])},
            error));
    for (size_t k = 0; k < truth->backdoor_count; k++) {
        const repair_backdoor *b = &truth->backdoors[k];
        TD_TRY(add_set(f, table,
                       (filter_set){"trigger", td_trigger_text(b->trigger), b->target, b, {0}},
                       error));
    }
    return TD_OK;
}

static td_status filter_inputs(inspection *in, td_error *error) {
    filter f = {0};
    td_status status = open_filter(&f, in, error);
    if (status == TD_OK)
        status = tool_run_rows(in->run, &filter_table, "/patch", &f, 1, error);
    if (status == TD_OK)
        status = add_sets(&f, error);
    td_arena_free(&f.of.arena);
    return status;
}

/* --- all --- */

static td_status choose_patched(inspection *in, td_error *error) {
    cleanse *c = in->state;
    const char *list = c->options->patch_classes;
    size_t *numbers, count = 0;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, in->class_count, &c->patched, "classes", error));
    if (list)
        TD_TRY(tool_run_class_list(in->run, "--patch-classes", list, &numbers, &count, error));
    for (size_t i = 0; i < in->found.count; i++) {
        const finding *f = &in->found.list[i];
        bool wanted = !list && f->flagged;
        for (size_t k = 0; k < count; k++)
            wanted |= numbers[k] == f->class;
        if (wanted && f->found)
            c->patched[c->patched_count++] = f->class;
    }
    if (list && c->patched_count < count)
        return td_fail(error, TD_ERR_USAGE,
                       "--patch-classes: expected classes that have a recovered trigger, found "
                       "only %zu of %zu",
                       c->patched_count, count);
    return TD_OK;
}

td_status cleanse_apply_patch(inspection *in, td_error *error) {
    const cleanse *c = in->state;
    if (!c->options->patches)
        return TD_OK;
    TD_TRY(choose_patched(in, error));
    if (c->patched_count == 0) {
        tool_run_note(in->run, "note: no class is flagged, so there is nothing to patch; "
                               "--patch-classes LIST names classes");
        return TD_OK;
    }
    if (c->options->patch == CLEANSE_FILTER)
        return filter_inputs(in, error);
    return inspect_patch(in, c->options->patch == CLEANSE_PRUNE ? prune_model : unlearn, error);
}
