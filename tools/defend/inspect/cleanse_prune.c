/* Pruning by a recovered trigger (Wang et al. 2019, section VI-B): the neurons before the last
 * dense layer are masked one by one, those that the trigger raises most first, until it is without
 * effect on the clean images. A neuron without which their accuracy would fall by more than the
 * tolerance stays. */
#include "defend/inspect/cleanse.h"
#include "nn/channels.h"
#include "nn/head_tail.h"
#include "nn/op.h"

/* A trigger with an ASR of at most this is without effect. */
static const double GONE = 0.05;

/* --- the neurons --- */

td_status cleanse_penultimate(const inspection *in, size_t *node, td_error *error) {
    const td_net *net = &in->model.net;
    const td_node *last = &net->nodes[net->node_count - 1];
    if (!last->op->dense)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net that ends with a dense layer, found %s (\"%s\")",
                       in->settings->model.path, last->op->name, last->name);
    *node = last->inputs[0];
    while (net->nodes[*node].op->training_only)
        *node = net->nodes[*node].inputs[0];
    return TD_OK;
}

td_status cleanse_neurons(const inspection *in, size_t node, const td_images *images,
                          td_arena *arena, float **out, td_error *error) {
    const td_net *net = &in->model.net;
    td_net part;
    float *weights;
    TD_TRY(td_net_head(net, in->model.weights, net->nodes[node].name, false, &part, &weights, arena,
                       error));
    td_status status = td_predict(&part, weights, images, (td_predict_watch){0}, arena, out, error);
    td_net_free(&part);
    return status;
}

static void add_means(const float *values, size_t count, size_t neurons, double sign,
                      double *means) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < neurons; k++)
            means[k] += sign * (double)values[i * neurons + k] / (double)count;
}

td_status cleanse_rank(const float *clean, size_t clean_count, const float *triggered,
                       size_t triggered_count, size_t neurons, td_arena *arena, size_t **order,
                       double **rise, td_error *error) {
    double *fall;
    TD_TRY(TD_ARENA_NEW(arena, neurons, order, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, neurons, rise, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, neurons, &fall, "neurons", error));
    add_means(clean, clean_count, neurons, 1, fall);
    add_means(triggered, triggered_count, neurons, -1, fall);
    td_channels_rank(fall, neurons, *order);
    for (size_t k = 0; k < neurons; k++)
        (*rise)[k] = -fall[k];
    return TD_OK;
}

/* --- pruning --- */

/* Images at the last dense layer: a masked neuron's part is taken out of the logits. */
typedef struct subject {
    float *values;  /* [count, neurons] */
    double *logits; /* [count, classes], with what is masked so far */
    const int32_t *labels;
    size_t count;
} subject;

typedef struct pruning {
    inspection *in;
    size_t node, neurons, classes;
    const float *weight, *bias; /* of the last dense layer: [classes, neurons], [classes] */
    subject clean;
    double least; /* accuracy */
    bool *masked; /* [neurons] */
    size_t count; /* how many are */
    td_arena arena;
} pruning;

static td_status open_subject(pruning *p, const td_images *images, subject *s, td_error *error) {
    TD_TRY(cleanse_neurons(p->in, p->node, images, &p->arena, &s->values, error));
    TD_TRY(td_arena_alloc(&p->arena, images->count * p->classes, sizeof *s->logits,
                          (void **)&s->logits, "predictions", error));
    s->labels = images->labels;
    s->count = images->count;
    for (size_t i = 0; i < s->count; i++)
        for (size_t c = 0; c < p->classes; c++) {
            double sum = (double)p->bias[c];
            for (size_t k = 0; k < p->neurons; k++)
                if (!p->masked[k])
                    sum += (double)s->values[i * p->neurons + k] *
                           (double)p->weight[c * p->neurons + k];
            s->logits[i * p->classes + c] = sum;
        }
    return TD_OK;
}

/* Takes a neuron out of the logits, or, with sign 1, puts it back. */
static void change(const pruning *p, subject *s, size_t neuron, double sign) {
    for (size_t i = 0; i < s->count; i++)
        for (size_t c = 0; c < p->classes; c++)
            s->logits[i * p->classes + c] += sign * (double)s->values[i * p->neurons + neuron] *
                                             (double)p->weight[c * p->neurons + neuron];
}

/* The share of the images that go to their label or, with a target, to it. */
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

enum { LAYER, NEURONS, PRUNED, ACCURACY, PRUNED_ACCURACY };

static const tool_column prune_columns[] = {
    [LAYER] = {"layer", "layer", TOOL_TEXT},
    [NEURONS] = {"neurons", "neurons", TOOL_COUNT},
    [PRUNED] = {"pruned", "pruned", TOOL_COUNT},
    [ACCURACY] = {"accuracy", "accuracy on the clean images", TOOL_REAL, .digits = 4},
    [PRUNED_ACCURACY] = {"pruned_accuracy", "after", TOOL_REAL, .digits = 4},
    {0},
};

enum { CLASS, CLASS_PRUNED, ASR, PRUNED_ASR, LEFT };

static const tool_column class_columns[] = {
    [CLASS] = {"class", "class", TOOL_COUNT},
    [CLASS_PRUNED] = {"pruned", "neurons pruned", TOOL_COUNT},
    [ASR] = {"asr", "ASR of the recovered trigger", TOOL_REAL, .digits = 4},
    [PRUNED_ASR] = {"pruned_asr", "after", TOOL_REAL, .digits = 4},
    [LEFT] = {"left", "", TOOL_FLAG, .flag = "NOT GONE within the tolerance"},
    {0},
};

static const tool_table_kind prune_table = {.title = "Pruning",
                                            .columns = prune_columns,
                                            .single = true},
                             class_table = {.name = "classes",
                                            .title = "Pruning by class",
                                            .columns = class_columns};

/* Masks neurons, `order` giving who comes first, until the trigger is without effect; returns the
 * rate that it has left. */
static double mask_neurons(pruning *p, subject *triggered, size_t target, const size_t *order,
                           const double *rise) {
    double after = rate(p, triggered, &target);
    for (size_t i = 0; i < p->neurons && after > GONE && rise[order[i]] > 0; i++) {
        if (p->masked[order[i]])
            continue;
        change(p, &p->clean, order[i], -1);
        if (rate(p, &p->clean, NULL) < p->least) {
            change(p, &p->clean, order[i], 1);
            continue;
        }
        change(p, triggered, order[i], -1);
        p->masked[order[i]] = true;
        p->count++;
        after = rate(p, triggered, &target);
    }
    return after;
}

static td_status prune_class(pruning *p, size_t target, tool_table *table, td_error *error) {
    const size_t count = p->count;
    td_images stamped;
    subject triggered;
    size_t *order;
    double *rise;
    tool_cell *row;
    TD_TRY(cleanse_stamp_others(p->in, &p->in->images, target, &p->arena, &stamped, error));
    TD_TRY(open_subject(p, &stamped, &triggered, error));
    TD_TRY(cleanse_rank(p->clean.values, p->clean.count, triggered.values, triggered.count,
                        p->neurons, &p->arena, &order, &rise, error));
    const double before = rate(p, &triggered, &target);
    const double after = mask_neurons(p, &triggered, target, order, rise);
    TD_TRY(tool_run_row(p->in->run, table, &row, error));
    tool_cell_count(&row[CLASS], target);
    tool_cell_count(&row[CLASS_PRUNED], p->count - count);
    tool_cell_real(&row[ASR], before);
    tool_cell_real(&row[PRUNED_ASR], after);
    tool_cell_flag(&row[LEFT], after > GONE);
    return TD_OK;
}

static td_status open_pruning(pruning *p, td_error *error) {
    const inspection *in = p->in;
    const td_net *net = &in->model.net;
    const td_node *last = &net->nodes[net->node_count - 1];
    TD_TRY(cleanse_penultimate(in, &p->node, error));
    p->neurons = net->nodes[p->node].shape.channels;
    p->classes = td_net_classes(net);
    p->weight = in->model.weights + net->params[last->params[0]].offset;
    p->bias = in->model.weights + net->params[last->params[1]].offset;
    TD_TRY(TD_ARENA_NEW(&p->arena, p->neurons, &p->masked, "neurons", error));
    return open_subject(p, &in->images, &p->clean, error);
}

static td_status prune(pruning *p, td_error *error) {
    inspection *in = p->in;
    const cleanse *c = in->state;
    tool_table *all, *classes;
    tool_cell *row;
    TD_TRY(open_pruning(p, error));
    const double accuracy = rate(p, &p->clean, NULL);
    p->least = accuracy - c->options->tolerance;
    TD_TRY(tool_run_set(in->run, "patch", json_pack("{ss}", "how", "prune"), error));
    TD_TRY(inspect_patch_table(in, &prune_table, &all, error));
    TD_TRY(inspect_patch_table(in, &class_table, &classes, error));
    for (size_t i = 0; i < c->patched_count; i++)
        TD_TRY(prune_class(p, c->patched[i], classes, error));
    TD_TRY(tool_run_row(in->run, all, &row, error));
    TD_TRY(tool_run_cell(in->run, &row[LAYER], in->model.net.nodes[p->node].name, error));
    tool_cell_count(&row[NEURONS], p->neurons);
    tool_cell_count(&row[PRUNED], p->count);
    tool_cell_real(&row[ACCURACY], accuracy);
    tool_cell_real(&row[PRUNED_ACCURACY], rate(p, &p->clean, NULL));
    return TD_OK;
}

td_status cleanse_prune(inspection *in, const td_net **net, float **weights, td_error *error) {
    cleanse *c = in->state;
    pruning p = {.in = in};
    size_t mask;
    td_status status = prune(&p, error);
    if (status == TD_OK)
        status = td_channels_insert(&in->model.net, in->model.weights, p.node, &in->run->arena,
                                    &c->pruned, weights, &mask, error);
    if (status == TD_OK) {
        float *values = td_channels_mask(&c->pruned, *weights, mask);
        for (size_t k = 0; k < p.neurons; k++)
            if (p.masked[k])
                values[k] = 0;
    }
    *net = &c->pruned;
    td_arena_free(&p.arena);
    return status;
}
