/* SPDX-License-Identifier: MIT */
/* Evaluates one model: its predictions on clean and triggered images, counted. */
#include "model/model.h"
#include "base/size.h"
#include "eval/eval.h"
#include "frame/classes.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

typedef struct model_job {
    eval_job *job;
    eval_place place;
    td_model model;
    size_t classes; /* of the net */
    eval_clean row;
    tool_table *triggers;
    size_t *counts;    /* [classes, classes] */
    uint16_t *reached; /* per image: number of targets that its triggers have reached */
    bool *target_seen; /* [count, classes] */
    td_rate *asr;      /* [backdoors]: without trials if not measured */
    int32_t *clean;    /* [count]: predictions on clean images */
    td_arena arena;
} model_job;

/* A model's outputs for all images. */
typedef struct outputs {
    float *logits;      /* [count, classes] */
    int32_t *predicted; /* [count] */
} outputs;

/* Images of a slice: whole batches of any size that is likely. */
static size_t slice_images(const td_images *images) {
    enum { SLICE_BYTES = 1 << 27, BATCHES = 1 << 8 };
    size_t slice = SLICE_BYTES / td_image_size(images) / BATCHES * BATCHES;
    return td_size_max(slice, BATCHES);
}

/* The logits of the images [first, first + count), stamped with the trigger unless it is NULL. */
static td_status predict_slice(model_job *m, const td_trigger *trigger, size_t first, size_t count,
                               tool_pass *pass, float *logits, td_error *error) {
    const td_dataset *data = &m->job->data;
    td_images images = td_images_slice(&data->images, first, first + count);
    td_stamp stamp = {m->job->run->common->seed, data->first + first};
    td_arena arena = {0};
    float *found;
    td_status status = TD_OK;
    if (trigger)
        status = td_trigger_stamp(trigger, &images, stamp, &arena, &images, error);
    if (status == TD_OK)
        status =
            tool_predict(&m->model.net, m->model.weights, &images, pass, &arena, &found, error);
    if (status == TD_OK)
        memcpy(logits, found, count * m->classes * sizeof *logits);
    td_arena_free(&arena);
    return status;
}

/* All images, in slices: a data set may be larger than memory. Counts the predictions. */
static td_status predict(model_job *m, const td_trigger *trigger, td_arena *arena, outputs *out,
                         td_error *error) {
    const td_images *images = &m->job->data.images;
    const size_t most = slice_images(images);
    td_status status = TD_OK;
    TD_TRY(td_arena_alloc(arena, images->count, m->classes * sizeof *out->logits,
                          (void **)&out->logits, "predictions", error));
    tool_pass pass =
        tool_run_pass(m->job->run, trigger ? "triggered images" : "clean images", images->count);
    for (size_t first = 0; status == TD_OK && first < images->count; first += most)
        status = predict_slice(m, trigger, first, td_size_min(most, images->count - first), &pass,
                               out->logits + first * m->classes, error);
    tool_pass_end(&pass);
    TD_TRY(status);
    TD_TRY(TD_ARENA_NEW(arena, images->count, &out->predicted, "predictions", error));
    for (size_t i = 0; i < images->count; i++)
        out->predicted[i] = td_argmax(out->logits + i * m->classes, m->classes);
    td_confusion(out->predicted, images->labels, images->count, m->classes, m->counts);
    return TD_OK;
}

/* The counts and, if requested, one image's logits. */
static td_status list_outputs(const model_job *m, const eval_place *place, const outputs *out,
                              td_arena *arena, tool_list *counts, tool_list *scores,
                              td_error *error) {
    TD_TRY(tool_list_counts(counts, m->counts, m->classes * m->classes, m->classes, arena, error));
    if (!m->job->scored)
        return TD_OK;
    double *values;
    TD_TRY(TD_ARENA_NEW(arena, m->classes, &values, "logits", error));
    for (size_t c = 0; c < m->classes; c++)
        values[c] = (double)out->logits[m->job->settings->scores * m->classes + c];
    *scores = (tool_list){.values = values, .count = m->classes};
    return eval_report_logits(m->job, place, scores, error);
}

static td_status measure_clean(model_job *m, td_error *error) {
    eval_job *job = m->job;
    const td_images *images = &job->data.images;
    td_arena arena = {0};
    outputs out;
    td_status status = predict(m, NULL, &arena, &out, error);
    if (status != TD_OK) {
        td_fail_within(error, status, "%s", m->row.file);
    } else {
        m->row.accuracy = td_accuracy(out.predicted, images->labels, images->count);
        memcpy(m->clean, out.predicted, images->count * sizeof *m->clean);
        status =
            list_outputs(m, &m->place, &out, &m->arena, &m->row.confusion, &m->row.scores, error);
    }
    td_arena_free(&arena);
    TD_TRY(status);
    job->summary.least = fmin(job->summary.least, m->row.accuracy.value);
    job->summary.most = fmax(job->summary.most, m->row.accuracy.value);
    return eval_picture_counts(job, m->place.name, "confusion", m->row.file, m->counts, m->classes,
                               error);
}

/* Marks, for every image whose target differs from its label, that this backdoor has reached the
 * target. */
static void note_reached(model_job *m, const eval_backdoor *backdoor, const int32_t *predicted) {
    const td_images *images = &m->job->data.images;
    for (size_t i = 0; i < images->count; i++) {
        const int32_t target = td_target_of(backdoor->target.of, images->labels[i]);
        bool *seen = &m->target_seen[i * m->classes + (size_t)target];
        if (predicted[i] == target && images->labels[i] != target && !*seen) {
            *seen = true;
            m->reached[i]++;
        }
    }
}

/* Rates source classes separately from the others, and among these the classes of covers from those
 * never stamped in training. */
static void rate_sources(const model_job *m, const eval_backdoor *backdoor, const outputs *out,
                         eval_result *row) {
    enum { SOURCE, COVER, UNSEEN, KINDS };
    const td_images *images = &m->job->data.images;
    size_t hits[KINDS] = {0}, trials[KINDS] = {0}, right = 0;
    if (!backdoor->sources)
        return;
    for (size_t i = 0; i < images->count; i++) {
        const int32_t label = images->labels[i], target = td_target_of(backdoor->target.of, label);
        if (label == target)
            continue;
        const int kind = backdoor->sources[label]                      ? SOURCE
                         : backdoor->covers && backdoor->covers[label] ? COVER
                                                                       : UNSEEN;
        trials[kind]++;
        hits[kind] += out->predicted[i] == target;
        right += kind != SOURCE && out->predicted[i] == label;
    }
    const size_t others = trials[COVER] + trials[UNSEEN];
    row->source_asr = td_rate_of(hits[SOURCE], trials[SOURCE]);
    row->false_activation = td_rate_of(hits[COVER] + hits[UNSEEN], others);
    row->others_accuracy = td_rate_of(right, others);
    if (!backdoor->covers)
        return;
    row->cover_activation = td_rate_of(hits[COVER], trials[COVER]);
    row->unseen_activation = td_rate_of(hits[UNSEEN], trials[UNSEEN]);
}

/* The images of classes that a map does not change which are classified as a target of others. */
static void rate_others(const model_job *m, const eval_backdoor *backdoor, const outputs *out,
                        eval_result *row) {
    const td_images *images = &m->job->data.images;
    const td_target target = backdoor->target.of;
    size_t hits = 0, trials = 0;
    for (size_t i = 0; i < images->count; i++) {
        const int32_t label = images->labels[i];
        bool reached = false;
        if (td_target_of(target, label) != label)
            continue;
        for (size_t c = 0; c < backdoor->target.map.count; c++)
            reached = reached || (td_target_of(target, (int32_t)c) == out->predicted[i] &&
                                  out->predicted[i] != (int32_t)c);
        trials++;
        hits += reached && out->predicted[i] != label;
    }
    row->false_activation = td_rate_of(hits, trials);
}

/* The ASR of each true class, and the mean of the best. */
static td_status rate_classes(const model_job *m, const eval_backdoor *backdoor, const outputs *out,
                              td_arena *arena, eval_result *row, td_error *error) {
    const td_images *images = &m->job->data.images;
    const size_t most = m->job->settings->best;
    td_rate *rates;
    double *values, sum = 0;
    TD_TRY(TD_ARENA_NEW(arena, m->classes, &rates, "rates", error));
    TD_TRY(TD_ARENA_NEW(arena, images->classes, &values, "rates", error));
    td_asr_by_class(out->predicted, images->labels, images->count, m->classes, backdoor->target.of,
                    rates);
    for (size_t c = 0; c < images->classes; c++)
        values[c] = rates[c].trials > 0 ? rates[c].value : (double)NAN;
    row->asr_by_class = (tool_list){.values = values, .count = images->classes};
    row->asr_of_best = (double)NAN;
    if (backdoor->target.rule)
        row->of_map = eval_rate_map(rates, images->classes, row->asr.value, m->row.accuracy.value);
    if (most == 0)
        return TD_OK;
    size_t *best;
    TD_TRY(TD_ARENA_NEW(arena, most, &best, "the best classes", error));
    const size_t count = td_best_classes(rates, images->classes, most, best);
    for (size_t i = 0; i < count; i++)
        sum += rates[best[i]].value;
    row->asr_of_best = count ? sum / (double)count : 0;
    return tool_list_counts(&row->best_classes, best, count, 0, arena, error);
}

/* Measurements that depend on the kind of target. */
static td_status rate_target(model_job *m, const eval_backdoor *backdoor, const outputs *out,
                             const td_attack *attack, td_arena *arena, eval_result *row,
                             td_error *error) {
    const td_images *images = &m->job->data.images;
    row->asr = attack->asr;
    row->ra = td_ra(out->predicted, images->labels, images->count, backdoor->target.of);
    row->confidence = (tool_estimate){attack->confidence, attack->confidence_interval};
    rate_sources(m, backdoor, out, row);
    if (backdoor->target.rule && !backdoor->sources)
        rate_others(m, backdoor, out, row);
    note_reached(m, backdoor, out->predicted);
    return rate_classes(m, backdoor, out, arena, row, error);
}

static void rate_untargeted(const model_job *m, const outputs *out, eval_result *row) {
    const td_images *images = &m->job->data.images;
    row->untargeted = eval_rate_untargeted(m->clean, out->predicted, images->labels, images->count,
                                           m->counts, m->classes);
    row->confidence.value = row->asr_of_best = (double)NAN;
}

/* Adds the row to the results, and to the model's triggers, which have the lists but neither file
 * nor accuracy. */
static td_status add_result(model_job *m, const eval_place *place, eval_result *row,
                            td_error *error) {
    eval_summary *summary = &m->job->summary;
    TD_TRY(tool_run_fill(m->job->run, m->job->results, row, error));
    row->file = NULL;
    row->accuracy = (td_rate){.trials = 0};
    TD_TRY(tool_run_fill(m->job->run, m->triggers, row, error));
    if (row->asr.trials > 0 && (!summary->title || row->asr.value > summary->asr)) {
        summary->asr = row->asr.value;
        summary->title = place->title;
    }
    return TD_OK;
}

static td_status measure_trigger(model_job *m, const eval_backdoor *backdoor,
                                 const eval_place *place, td_rate *asr, td_arena *arena,
                                 td_error *error) {
    const td_images *images = &m->job->data.images;
    outputs out;
    eval_result row = {.file = m->row.file,
                       .accuracy = m->row.accuracy,
                       .target = backdoor->target,
                       .role = backdoor->role,
                       .of_map = eval_no_map(),
                       .untargeted = eval_no_untargeted(),
                       .trigger = td_trigger_text(backdoor->trigger)};
    TD_TRY(predict(m, backdoor->trigger, arena, &out, error));
    TD_TRY(list_outputs(m, place, &out, arena, &row.pairs, &row.scores, error));
    td_softmax(out.logits, images->count, m->classes, out.logits);
    const td_attack attack = td_attack_rates(out.predicted, out.logits, images->labels,
                                             images->count, m->classes, backdoor->target.of);
    row.non_targeted = attack.non_targeted;
    row.robust_accuracy = attack.robust_accuracy;
    if (eval_has_target(&backdoor->target))
        TD_TRY(rate_target(m, backdoor, &out, &attack, arena, &row, error));
    else
        rate_untargeted(m, &out, &row);
    *asr = row.asr;
    TD_TRY(add_result(m, place, &row, error));
    TD_TRY(eval_picture_counts(m->job, place->name, "pairs", row.trigger, m->counts, m->classes,
                               error));
    return eval_picture_samples(m->job, place->name, backdoor->trigger, out.predicted, error);
}

/* `measured`: number of triggers measured on the model so far. */
static td_status measure_backdoor(model_job *m, size_t number, size_t measured, td_error *error) {
    const eval_backdoor *backdoor = &m->job->backdoors[number];
    tool_run *run = m->job->run;
    td_arena arena = {0};
    eval_place place;
    char target[TOOL_TARGET_SIZE];
    TD_TRY(tool_run_text(run, &place.path, error, "%s/triggers/%zu", m->place.path, measured));
    TD_TRY(tool_run_text(run, &place.name, error, "%s-trigger-%zu", m->place.name, number));
    TD_TRY(tool_run_text(run, &place.title, error, "%s, %s, target %s", m->place.title,
                         td_trigger_text(backdoor->trigger),
                         tool_target_text(run, &backdoor->target, target)));
    td_status status = measure_trigger(m, backdoor, &place, &m->asr[number], &arena, error);
    td_arena_free(&arena);
    return status;
}

/* How many images reach 0, 1, 2, ... of the targets. */
static td_status add_target_classes(model_job *m, size_t targets, td_error *error) {
    const td_images *images = &m->job->data.images;
    size_t *counts;
    TD_TRY(TD_ARENA_NEW(&m->arena, targets + 1, &counts, "counts", error));
    for (size_t i = 0; i < images->count; i++)
        counts[m->reached[i]]++;
    TD_TRY(tool_list_counts(&m->row.target_classes, counts, targets + 1, 0, &m->arena, error));
    TD_TRY(eval_report_targets(m->job, &m->place, counts, targets, error));
    return eval_picture_targets(m->job, m->place.name, counts, targets + 1, error);
}

/* Whether the model's file has the output's name: "DIR/model-3.safetensors" is of "model-3". */
static bool is_called(const char *path, const char *output) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(output);
    return strncmp(base, output, length) == 0 && (!base[length] || base[length] == '.');
}

/* Whether to measure this model with the backdoor: not if the backdoor belongs to another output
 * and this model's name is that of an output. */
static bool concerns(const model_job *m, const eval_backdoor *backdoor) {
    if (!backdoor->output || is_called(m->row.file, backdoor->output))
        return true;
    for (size_t i = 0; i < m->job->backdoor_count; i++)
        if (m->job->backdoors[i].output && is_called(m->row.file, m->job->backdoors[i].output))
            return false;
    return true;
}

/* The classes are those of the first model, which may have more. */
static td_status check_target(const model_job *m, const eval_backdoor *backdoor, td_error *error) {
    const tool_target *target = &backdoor->target;
    size_t most = target->class;
    if (!eval_has_target(target))
        return TD_OK;
    for (size_t i = 0; i < target->map.count; i++)
        if (i == 0 || target->map.values[i] > (double)most)
            most = (size_t)target->map.values[i];
    return most < m->classes ? TD_OK
                             : td_fail(error, TD_ERR_USAGE,
                                       "--target: expected a class of %s, 0 to %zu, found %zu",
                                       m->row.file, m->classes - 1, most);
}

static td_status measure_backdoors(model_job *m, td_error *error) {
    size_t measured = 0, targets = 0;
    bool *is_target; /* [classes]; a map of them counts as one more */
    TD_TRY(tool_run_open(m->job->run, &eval_trigger_table, m->place.path, &m->triggers, error));
    TD_TRY(TD_ARENA_NEW(&m->arena, m->classes, &is_target, "targets", error));
    for (size_t i = 0; i < m->job->backdoor_count; i++) {
        const eval_backdoor *backdoor = &m->job->backdoors[i];
        if (!concerns(m, backdoor))
            continue;
        TD_TRY(check_target(m, backdoor, error));
        const size_t class = backdoor->target.class;
        targets +=
            class == TOOL_NO_COUNT ? backdoor->target.of.of_label != NULL : !is_target[class];
        if (class != TOOL_NO_COUNT)
            is_target[class] = true;
        TD_TRY(measure_backdoor(m, i, measured++, error));
    }
    if (measured == 0) {
        const eval_result none = {.file = m->row.file,
                                  .accuracy = m->row.accuracy,
                                  .target = tool_target_none(),
                                  .confidence.value = (double)NAN,
                                  .asr_of_best = (double)NAN,
                                  .of_map = eval_no_map(),
                                  .untargeted = eval_no_untargeted()};
        return tool_run_fill(m->job->run, m->job->results, &none, error);
    }
    if (m->job->settings->strengths.count > 0)
        TD_TRY(eval_report_strengths(m->job, &m->place, m->asr, error));
    return measured > 1 ? add_target_classes(m, targets, error) : TD_OK;
}

static td_status open_model(model_job *m, size_t number, td_error *error) {
    eval_job *job = m->job;
    if (number == 0) {
        m->model = job->first;
        job->first = (td_model){0};
        return TD_OK;
    }
    TD_TRY(tool_run_open_model(job->run, m->row.file, job->settings->net, &job->data.images,
                               &m->model, error));
    return tool_run_same_classes(job->run, &m->model, m->row.file, error);
}

static td_status measure(model_job *m, size_t number, td_error *error) {
    const td_images *images = &m->job->data.images;
    tool_run *run = m->job->run;
    TD_TRY(tool_run_text(run, &m->place.path, error, "/models/%zu", number));
    TD_TRY(tool_run_text(run, &m->place.name, error, "model-%zu", number));
    TD_TRY(open_model(m, number, error));
    m->classes = td_net_classes(&m->model.net);
    if (images->classes > m->classes)
        return td_fail(error, TD_ERR_USAGE, "%s: it has %zu classes, the data has %zu", m->row.file,
                       m->classes, images->classes);
    TD_TRY(TD_ARENA_NEW(&m->arena, images->count, &m->reached, "counts", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, images->count * m->classes, &m->target_seen, "counts", error));
    TD_TRY(
        TD_ARENA_NEW(&m->arena, m->classes * m->classes, &m->counts, "a confusion matrix", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, m->job->backdoor_count, &m->asr, "rates", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, images->count, &m->clean, "predictions", error));
    TD_TRY(measure_clean(m, error));
    TD_TRY(measure_backdoors(m, error));
    return tool_run_fill(run, m->job->models, &m->row, error);
}

td_status eval_model(eval_job *job, size_t number, td_error *error) {
    const char *file = job->settings->models.texts[number];
    model_job m = {.job = job, .place = {.title = file}, .row = {.file = file}};
    td_status status = measure(&m, number, error);
    td_model_free(&m.model);
    td_arena_free(&m.arena);
    return status;
}
