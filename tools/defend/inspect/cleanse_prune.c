/* Pruning by a recovered trigger (Wang et al. 2019, section VI-B): the neurons before the last
 * dense layer are masked one by one, those that the trigger raises most first, until it is without
 * effect on the clean images. A neuron without which their accuracy would fall by more than the
 * tolerance stays. */
#include "defend/inspect/cleanse.h"
#include "nn/channels.h"
#include "nn/loss.h"
#include <stdio.h>
#include <string.h>

/* A trigger with an ASR of at most this is without effect. */
static const double GONE = 0.05;

/* Images at the last dense layer: a masked neuron's part is taken out of the logits. */
typedef struct subject {
    float *values;  /* [count, neurons] */
    double *logits; /* [count, classes], with what is masked so far */
    const int32_t *labels;
    size_t count;
} subject;

typedef struct pruning {
    cleanse_job *job;
    size_t node, neurons, classes;
    const float *weight, *bias; /* of the last dense layer: [classes, neurons], [classes] */
    subject clean;
    double least; /* accuracy */
    bool *masked; /* [neurons] */
    size_t count; /* how many are */
    td_arena arena;
} pruning;

static td_status open_subject(pruning *p, const td_images *images, subject *s, td_error *error) {
    TD_TRY(cleanse_neurons(p->job, p->node, images, &p->arena, &s->values, error));
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

/* Masks neurons against the trigger of one class; adds an entry to `told`. */
static td_status prune_class(pruning *p, size_t place, json_t *told, td_error *error) {
    cleanse_job *job = p->job;
    const size_t target = job->classes[place].number, before_count = p->count;
    td_images stamped;
    subject triggered;
    size_t *order;
    double *rise;
    TD_TRY(
        cleanse_stamp_others(&job->images, &job->found[place], target, &p->arena, &stamped, error));
    TD_TRY(open_subject(p, &stamped, &triggered, error));
    TD_TRY(cleanse_rank(p->clean.values, p->clean.count, triggered.values, triggered.count,
                        p->neurons, &p->arena, &order, &rise, error));
    const double before = rate(p, &triggered, &target);
    double after = before;
    for (size_t i = 0; i < p->neurons && after > GONE && rise[order[i]] > 0; i++) {
        if (p->masked[order[i]])
            continue;
        change(p, &p->clean, order[i], -1);
        if (rate(p, &p->clean, NULL) < p->least) {
            change(p, &p->clean, order[i], 1);
            continue;
        }
        change(p, &triggered, order[i], -1);
        p->masked[order[i]] = true;
        p->count++;
        after = rate(p, &triggered, &target);
    }
    json_array_append_new(told, json_pack("{sI sI sf sf}", "class", (json_int_t)target, "pruned",
                                          (json_int_t)(p->count - before_count), "asr", before,
                                          "pruned_asr", after));
    if (repair_prints(&job->options->repair))
        printf("class %zu: %zu of %zu neurons pruned, ASR of the recovered trigger %.2f %% -> "
               "%.2f %%%s\n",
               target, p->count - before_count, p->neurons, 100 * before, 100 * after,
               after > GONE ? "  NOT GONE within the tolerance" : "");
    return TD_OK;
}

static td_status prune(pruning *p, json_t *told, td_error *error) {
    cleanse_job *job = p->job;
    const td_net *net = &job->model.net;
    const td_node *last = &net->nodes[net->node_count - 1];
    td_status status = cleanse_penultimate(net, &p->node, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->options->repair.model);
    p->neurons = net->nodes[p->node].shape.channels;
    p->classes = td_net_classes(net);
    p->weight = job->model.weights + net->params[last->params[0]].offset;
    p->bias = job->model.weights + net->params[last->params[1]].offset;
    TD_TRY(TD_ARENA_NEW(&p->arena, p->neurons, &p->masked, "neurons", error));
    TD_TRY(open_subject(p, &job->images, &p->clean, error));
    const double accuracy = rate(p, &p->clean, NULL);
    p->least = accuracy - job->options->tolerance;
    for (size_t i = 0; i < job->patched_count; i++)
        TD_TRY(prune_class(p, job->patched[i], told, error));
    json_object_set_new(job->record.root, "patch",
                        json_pack("{ss ss sI sI sf sf sO}", "how", "prune", "layer",
                                  net->nodes[p->node].name, "neurons", (json_int_t)p->neurons,
                                  "pruned", (json_int_t)p->count, "accuracy", accuracy,
                                  "pruned_accuracy", rate(p, &p->clean, NULL), "classes", told));
    return TD_OK;
}

td_status cleanse_prune(cleanse_job *job, td_net *net, float **weights, td_error *error) {
    pruning p = {.job = job};
    json_t *told = json_array();
    size_t mask;
    td_status status = prune(&p, told, error);
    if (status == TD_OK)
        status = td_channels_insert(&job->model.net, job->model.weights, p.node, &job->arena, net,
                                    weights, &mask, error);
    if (status == TD_OK) {
        float *values = td_channels_mask(net, *weights, mask);
        for (size_t k = 0; k < p.neurons; k++)
            if (p.masked[k])
                values[k] = 0;
    }
    json_decref(told);
    td_arena_free(&p.arena);
    return status;
}
