/* Filtering inputs by a recovered trigger (Wang et al. 2019, section VI-A): an input is scored by
 * the mean value of the 1 % of the neurons before the last dense layer that the trigger raises
 * most, and rejected above a threshold that clean images set. Several triggers reject side by side,
 * each with its part of --fpr. */
#include "base/size.h"
#include "defend/inspect/cleanse.h"
#include "measure/roc.h"
#include <stdio.h>
#include <string.h>

enum { PER_CENT = 100 };

typedef struct filter {
    cleanse_job *job;
    size_t node, neurons, top; /* top: neurons that score */
    size_t **orders;           /* [patched_count]: the first `top` score */
    double *thresholds;        /* [patched_count] */
    td_arena arena;
} filter;

static double score(const filter *f, size_t which, const float *values) {
    double sum = 0;
    for (size_t k = 0; k < f->top; k++)
        sum += (double)values[f->orders[which][k]];
    return sum / (double)f->top;
}

/* How many images any trigger's threshold rejects. */
static td_status reject(filter *f, const td_images *images, td_rate *out, td_error *error) {
    td_arena arena = {0};
    float *values;
    size_t hits = 0;
    td_status status = cleanse_neurons(f->job, f->node, images, &arena, &values, error);
    for (size_t i = 0; status == TD_OK && i < images->count; i++) {
        bool rejected = false;
        for (size_t k = 0; k < f->job->patched_count; k++)
            rejected |= score(f, k, values + i * f->neurons) > f->thresholds[k];
        hits += rejected;
    }
    *out = td_rate_of(hits, images->count);
    td_arena_free(&arena);
    return status;
}

static td_status calibrate(filter *f, td_error *error) {
    cleanse_job *job = f->job;
    const size_t count = job->images.count;
    float *clean, *triggered;
    double *scores, *rise;
    TD_TRY(cleanse_neurons(job, f->node, &job->images, &f->arena, &clean, error));
    TD_TRY(TD_ARENA_NEW(&f->arena, count, &scores, "scores", error));
    for (size_t k = 0; k < job->patched_count; k++) {
        const size_t place = job->patched[k];
        td_images stamped;
        TD_TRY(cleanse_stamp_others(&job->images, &job->found[place], job->classes[place].number,
                                    &f->arena, &stamped, error));
        TD_TRY(cleanse_neurons(job, f->node, &stamped, &f->arena, &triggered, error));
        TD_TRY(cleanse_rank(clean, count, triggered, stamped.count, f->neurons, &f->arena,
                            &f->orders[k], &rise, error));
        for (size_t i = 0; i < count; i++)
            scores[i] = score(f, k, clean + i * f->neurons);
        f->thresholds[k] =
            td_threshold_above(scores, count, job->options->fpr / (double)job->patched_count);
    }
    return TD_OK;
}

static void tell_set(const filter *f, json_t *sets, const char *kind, const char *trigger,
                     size_t target, const td_rate *rate) {
    json_t *set = json_pack("{ss}", "kind", kind);
    if (trigger)
        json_object_set_new(set, "trigger", tool_json_text(trigger));
    if (target != SIZE_MAX)
        json_object_set_new(set, "target", json_integer((json_int_t)target));
    tool_json_rate(set, "rejected", rate);
    json_array_append_new(sets, set);
    if (repair_prints(&f->job->options->repair))
        printf("  %-9s  %6.2f %% rejected  [%.2f, %.2f]  %zu of %zu%s%s\n", kind, 100 * rate->value,
               100 * rate->interval.low, 100 * rate->interval.high, rate->hits, rate->trials,
               trigger ? "  " : "", trigger ? trigger : "");
}

/* --test as it is, with each recovered trigger, and with each --trigger. Images of a trigger's
 * class do not count: nothing is gained by them. */
static td_status judge(filter *f, json_t *sets, td_error *error) {
    cleanse_job *job = f->job;
    const td_dataset *test = &job->judge.test;
    td_rate rate;
    TD_TRY(reject(f, &test->images, &rate, error));
    tell_set(f, sets, "clean", NULL, SIZE_MAX, &rate);
    for (size_t k = 0; k < job->patched_count; k++) {
        const size_t place = job->patched[k], target = job->classes[place].number;
        td_arena arena = {0};
        td_images stamped;
        td_status status = cleanse_stamp_others(&test->images, &job->found[place], target, &arena,
                                                &stamped, error);
        if (status == TD_OK)
            status = reject(f, &stamped, &rate, error);
        td_arena_free(&arena);
        TD_TRY(status);
        tell_set(f, sets, "recovered", NULL, target, &rate);
    }
    for (size_t k = 0; k < job->judge.backdoor_count; k++) {
        const repair_backdoor *backdoor = &job->judge.backdoors[k];
        td_arena arena = {0};
        td_images stamped;
        td_status status = cleanse_stamp_trigger(job, backdoor, &test->images, test->first, &arena,
                                                 &stamped, error);
        if (status == TD_OK)
            status = reject(f, &stamped, &rate, error);
        td_arena_free(&arena);
        TD_TRY(status);
        tell_set(f, sets, "trigger", td_trigger_text(backdoor->trigger), backdoor->target, &rate);
    }
    return TD_OK;
}

static td_status run(filter *f, json_t *sets, td_error *error) {
    cleanse_job *job = f->job;
    const td_net *net = &job->model.net;
    td_status status = cleanse_penultimate(net, &f->node, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->options->repair.model);
    f->neurons = net->nodes[f->node].shape.channels;
    f->top = (f->neurons + PER_CENT - 1) / PER_CENT;
    TD_TRY(TD_ARENA_NEW(&f->arena, job->patched_count, &f->orders, "neurons", error));
    TD_TRY(TD_ARENA_NEW(&f->arena, job->patched_count, &f->thresholds, "neurons", error));
    TD_TRY(calibrate(f, error));
    if (repair_prints(&job->options->repair))
        printf("filter by %zu of %zu neurons of %s, %g %% of clean images expected to be "
               "rejected\n",
               f->top, f->neurons, net->nodes[f->node].name, 100 * job->options->fpr);
    TD_TRY(judge(f, sets, error));
    json_t *thresholds = json_array();
    for (size_t k = 0; k < job->patched_count; k++)
        json_array_append_new(thresholds, json_real(f->thresholds[k]));
    json_object_set_new(job->record.root, "patch",
                        json_pack("{ss so ss sI sI so sO}", "how", "filter", "classes",
                                  cleanse_patched_json(job), "layer", net->nodes[f->node].name,
                                  "neurons", (json_int_t)f->neurons, "top", (json_int_t)f->top,
                                  "thresholds", thresholds, "sets", sets));
    return TD_OK;
}

td_status cleanse_filter(cleanse_job *job, td_error *error) {
    filter f = {.job = job};
    json_t *sets = json_array();
    td_status status = run(&f, sets, error);
    json_decref(sets);
    td_arena_free(&f.arena);
    return status;
}
