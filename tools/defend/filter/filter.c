/* SPDX-License-Identifier: MIT */
#include "defend/filter/filter.h"

#include "base/size.h"
#include "defend/filter/filter_features.h"
#include "frame/classes.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(filter_settings, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "The training set of the model, to be filtered (split train)"},
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "Take the values of this node, averaged over positions (the input of the last dense "
             "layer)"},
    {"manifest", TD_KEY_TEXT, AT(manifest), .value = "FILE",
     .help = "The manifest of the set by trapdoor-poison, only to measure"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = defend_model_keys, .offset = AT(model)}, {.keys = keys}, {0}};

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    (void)family;
    if (settings->common.output && strcmp(settings->common.output, "-") == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected a file to write, found \"-\", standard output");
    return TD_OK;
}

/* --- inputs --- */

/* Sorts by class; images of a class keep their order. */
static td_status sort_images(filter_job *job, td_error *error) {
    const td_images *images = &job->data.images;
    const size_t truth = job->settings->manifest ? 0 : TOOL_NO_COUNT;
    td_arena *arena = &job->run->arena;
    const int32_t *classes = images->labels;
    int32_t *predicted;
    size_t begin = 0;
    if (job->filter->by_model) {
        TD_TRY(filter_classify(job, &job->data, NULL, images->count, &predicted, error));
        classes = predicted;
    }
    TD_TRY(TD_ARENA_NEW(arena, images->classes, &job->classes, "classes", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &job->order, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &job->suspect, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &job->scores, "scores", error));
    for (size_t c = 0; c < images->classes; c++) {
        filter_class *of = &job->classes[c];
        *of = (filter_class){.number = c,
                             .name = job->data.class_names ? job->data.class_names[c] : NULL,
                             .begin = begin,
                             .flagged = job->filter->ranks ? -1 : 0,
                             .poisoned = truth,
                             .hits = truth,
                             .auroc = {.value = NAN}};
        for (size_t i = 0; i < FILTER_FIGURES; i++)
            of->figures[i] = NAN;
        for (size_t i = 0; i < images->count; i++)
            if ((size_t)classes[i] == c)
                job->order[begin++] = (uint32_t)i;
        of->count = begin - of->begin;
        job->largest = td_size_max(job->largest, of->count);
    }
    return TD_OK;
}

static td_status open_inputs(filter_job *job, td_error *error) {
    const filter_settings *s = job->settings;
    TD_TRY(tool_run_dataset(job->run, s->data, "train", &job->data, error));
    if (job->data.images.count > UINT32_MAX)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at most %u images, found %zu", s->data,
                       UINT32_MAX, job->data.images.count);
    TD_TRY(defend_open_model_for(job->run, &s->model, &job->data, &job->model, error));
    TD_TRY(defend_check_shape(&job->data, &job->model.net, error));
    TD_TRY(sort_images(job, error));
    return job->filter->least_clean ? filter_open_reference(job, error) : TD_OK;
}

/* Classes without images are skipped; one with too few is left out, with a note. */
static td_status choose_classes(filter_job *job, size_t dimensions, td_error *error) {
    const filter *f = job->filter;
    const size_t least = f->least_images(job->run->own, dimensions);
    const size_t least_clean = f->least_clean ? f->least_clean(job->run->own) : 0;
    const filter_class *first = NULL;
    size_t left_out = 0, judged = 0;
    for (size_t c = 0; c < job->data.images.classes; c++) {
        filter_class *of = &job->classes[c];
        of->left_out = of->count > 0 && (of->count < least || of->clean_count < least_clean);
        left_out += of->left_out;
        judged += of->count > 0 && !of->left_out;
        if (of->left_out && !first)
            first = of;
        if (of->left_out)
            of->flagged = -1;
    }
    char clean[96] = "";
    if (least_clean > 0)
        snprintf(clean, sizeof clean, ", and the %zu clean ones%s", least_clean,
                 f->by_model ? "" : " that the model classifies correctly");
    if (judged == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a class with at least the %zu images that a judgement takes"
                       "%s, found none",
                       job->data.name, least, clean);
    char name[TOOL_CLASS_SIZE], more[48] = "", has[48] = "";
    if (left_out > 1)
        snprintf(more, sizeof more, " and %zu more", left_out - 1);
    if (left_out > 0 && least_clean > 0)
        snprintf(has, sizeof has, ", %zu clean", first->clean_count);
    if (left_out > 0)
        tool_run_note(job->run,
                      "note: %s: left out, with fewer images than the %zu that a judgement takes"
                      "%s: class %s (%zu%s)%s",
                      job->data.name, least, clean,
                      tool_run_class_text(job->run, first->number, name), first->count, has, more);
    return TD_OK;
}

/* --- the work --- */

/* The AUROC of a class's scores, if it has both poisoned and other images. */
static td_status measure_scores(const filter_job *job, filter_class *of, td_error *error) {
    td_arena arena = {0};
    td_auroc auroc;
    double *split;
    size_t low = 0, high = of->count;
    if (of->poisoned == 0 || of->poisoned == of->count)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&arena, of->count, &split, "scores", error));
    for (size_t i = of->begin; i < of->begin + of->count; i++) {
        const uint32_t image = job->order[i];
        split[job->poisoned[image] ? --high : low++] = job->scores[image];
    }
    td_status status = td_auroc_of(split, low, split + low, of->poisoned, &auroc, error);
    if (status == TD_OK)
        of->auroc = (tool_estimate){auroc.value, auroc.interval};
    td_arena_free(&arena);
    return status;
}

static void count(const filter_job *job, filter_class *of) {
    for (size_t i = of->begin; i < of->begin + of->count; i++) {
        const uint32_t image = job->order[i];
        of->suspects += job->suspect[image];
        if (!job->poisoned)
            continue;
        of->poisoned += job->poisoned[image];
        of->hits += job->poisoned[image] && job->suspect[image];
    }
}

static void warn_of_few(const filter_job *job) {
    size_t judged = 0;
    for (size_t c = 0; c < job->data.images.classes; c++)
        judged += !isnan(job->classes[c].figures[0]);
    if (judged < FILTER_LEAST_CLASSES)
        tool_run_note(
            job->run,
            "warning: %s: classes are compared with each other: of %zu none can stand out, "
            "and none is flagged",
            job->data.name, judged);
}

/* Combines the findings of all classes: which are flagged, by index if there is one, and how many
 * suspects there are, and how many are poisoned. */
static td_status conclude(filter_job *job, td_error *error) {
    const filter *f = job->filter;
    const double least = f->least_index ? f->least_index(job->run->own) : 0;
    if (f->least_index) {
        TD_TRY(filter_compare(job, error));
        warn_of_few(job);
    }
    for (size_t c = 0; c < job->data.images.classes; c++) {
        filter_class *of = &job->classes[c];
        const bool judged = of->count > 0 && !of->left_out;
        if (f->least_index && judged)
            of->flagged = of->figures[1] >= least;
        for (size_t i = 0; i < of->count && f->least_index && of->flagged <= 0; i++)
            job->suspect[job->order[of->begin + i]] = false;
        count(job, of);
        job->run->flagged |= of->flagged > 0;
        if (judged && job->poisoned && (f->ranks || f->scores))
            TD_TRY(measure_scores(job, of, error));
    }
    return TD_OK;
}

/* Copies the findings of one class. */
static void take(filter_job *job, filter_class *of, const filter_findings *found) {
    memcpy(of->figures, found->figures, sizeof of->figures);
    for (size_t i = 0; i < of->count; i++) {
        const uint32_t image = job->order[of->begin + i];
        job->suspect[image] = found->suspects[i];
        job->scores[image] = found->scores[i];
    }
    if (!job->filter->ranks)
        of->flagged = found->flagged;
}

static td_status look_through(filter_job *job, filter_features *features, td_error *error) {
    tool_run *run = job->run;
    bool *suspects;
    double *scores;
    TD_TRY(TD_ARENA_NEW(&run->arena, job->largest, &suspects, "images", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, job->largest, &scores, "scores", error));
    tool_run_begin(run, run->method->name, "images", job->data.images.count);
    for (size_t c = 0; c < job->data.images.classes; c++) {
        filter_class *of = &job->classes[c];
        filter_group group = {.seed = run->common->seed, .number = c, .count = of->count};
        filter_findings found = {.suspects = suspects, .scores = scores};
        if (of->count == 0 || of->left_out)
            continue;
        memset(suspects, 0, of->count * sizeof *suspects);
        memset(scores, 0, of->count * sizeof *scores);
        TD_TRY(filter_features_take(features, of, &group, error));
        TD_TRY(job->filter->judge(run->own, &group, &found, error));
        take(job, of, &found);
    }
    tool_run_end(run);
    return TD_OK;
}

static td_status read_truth(filter_job *job, td_error *error) {
    const char *manifest = job->settings->manifest;
    if (!manifest)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->data.images.count, &job->poisoned, "images", error));
    return filter_read_truth(job->run, &job->data, manifest, job->poisoned, error);
}

static td_status judge_classes(filter_job *job, filter_features *features, td_error *error) {
    TD_TRY(filter_features_open(features, job, error));
    TD_TRY(choose_classes(job, features->dimensions, error));
    TD_TRY(read_truth(job, error));
    job->layer = features->values.layer;
    job->features = features->values.count;
    return look_through(job, features, error);
}

static td_status find_at_once(filter_job *job, td_error *error) {
    TD_TRY(choose_classes(job, 0, error));
    TD_TRY(read_truth(job, error));
    return job->filter->find(job, error);
}

static td_status work(filter_job *job, filter_features *features, td_error *error) {
    TD_TRY(open_inputs(job, error));
    TD_TRY(job->filter->find ? find_at_once(job, error) : judge_classes(job, features, error));
    TD_TRY(conclude(job, error));
    TD_TRY(filter_report(job, error));
    return job->run->common->output
               ? filter_write_cleaned(job->run, &job->data, job->suspect, error)
               : TD_OK;
}

static td_status run(tool_run *run, td_error *error) {
    filter_job job = {.run = run, .settings = run->family, .filter = run->method->math};
    filter_features features = {0};
    td_status status = work(&job, &features, error);
    filter_features_close(&features);
    td_model_free(&job.model);
    td_dataset_close(&job.clean);
    td_dataset_close(&job.data);
    return status;
}

const tool_family filters = {
    .name = "filter",
    .usage = "--model MODEL --data DATA [-o CLEANED]",
    .groups = groups,
    .size = sizeof(filter_settings),
    .check = check,
    .run = run,
    .read = filter_read,
    .output = TOOL_OUTPUT_FILE,
    .output_what = "where to write the set without the suspects",
};
