/* SPDX-License-Identifier: MIT */
#include "defend/inspect/inspect.h"

#include "frame/classes.h"
#include "frame/clock.h"
#include "frame/net_source.h"
#include <math.h>
#include <string.h>

#define AT(field) offsetof(inspect_settings, field)

enum { FEW_IMAGES = 100 }; /* of other classes: with fewer, an ASR of .99 means all of them */

static const td_key keys[] = {
    {"clean", TD_KEY_TEXT, AT(clean), .value = "DATA",
     .help = "Clean images to work with (split train)"},
    {"triggers", TD_KEY_TEXT, AT(folder), .unrecorded = true, .value = "DIR",
     .help = "Write the recovered triggers to this folder"},
    {"minutes", TD_KEY_REAL, AT(minutes), .above = true, .most = INFINITY, .standard = "inf",
     .unrecorded = true, .value = "M",
     .help = "End after M minutes with the classes that are done"},
    {"exit-code", TD_KEY_FLAG, AT(exit_code), .unrecorded = true,
     .help = "Exit with 3 if something is flagged"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = defend_model_keys, .offset = AT(model)}, {.keys = keys}, REPAIR_TRUTH(AT(truth)), {0}};

/* --- settings --- */

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    const inspect_settings *s = family;
    const inspector *math = settings->method->math;
    const tool_common *common = &settings->common;
    if (math->clean == INSPECT_NEEDS_CLEAN && !s->clean)
        return td_fail(error, TD_ERR_USAGE, "expected --clean, found none");
    if (math->clean == INSPECT_WITHOUT_CLEAN && s->clean)
        return td_fail(error, TD_ERR_USAGE,
                       "--clean has no meaning here: the model alone is inspected");
    if (!math->pictures && s->folder)
        return td_fail(error, TD_ERR_USAGE, "--triggers has no meaning here: none are recovered");
    if (!math->patches && common->output)
        return td_fail(error, TD_ERR_USAGE,
                       "-o has no meaning here; --json FILE writes the record");
    return TD_OK;
}

/* --- inputs --- */

/* A net of the zoo takes images of any size; only data determine it. */
static td_status open_model(inspection *in, td_error *error) {
    const inspect_settings *s = in->settings;
    td_dataset sized = {0};
    td_status status = TD_OK;
    const char *net = s->model.net, *test = s->truth.test;
    if (net && test && !in->clean.name)
        status = td_dataset_open(&sized, test, "test", in->run->common->data_dir, error);
    if (status == TD_OK)
        status = defend_open_model(in->run, &s->model,
                                   in->clean.name ? &in->clean.images : &sized.images, &in->model,
                                   error);
    if (status != TD_OK && net && !test && !in->clean.name)
        td_fail_within(error, status, "--net without --test, which gives the size of images");
    td_dataset_close(&sized);
    TD_TRY(status);
    if (in->clean.name)
        TD_TRY(tool_run_match(in->run, &in->clean, error));
    return tool_model_check_classes(&in->model, s->model.path, error);
}

/* Clean images used only by a patch are opened last. */
static td_status open_inputs(inspection *in, td_error *error) {
    const inspect_settings *s = in->settings;
    const bool needed = in->inspector->clean == INSPECT_NEEDS_CLEAN;
    if (needed)
        TD_TRY(tool_run_dataset(in->run, s->clean, "train", &in->clean, error));
    TD_TRY(open_model(in, error));
    in->shape = td_net_input(&in->model.net);
    if (needed)
        TD_TRY(defend_check_data(&in->clean, &in->model.net, error));
    TD_TRY(repair_open(&in->truth, in->run, &s->truth, &in->model.net, error));
    if (s->clean && !needed) {
        TD_TRY(tool_run_dataset(in->run, s->clean, "train", &in->clean, error));
        TD_TRY(defend_check_data(&in->clean, &in->model.net, error));
    }
    if (s->clean)
        TD_TRY(repair_clean(&in->truth, &in->clean, "--clean", NULL, &in->images, error));
    return tool_run_class_list(in->run, NULL, NULL, &in->classes, &in->class_count, error);
}

td_status inspect_numbers(inspection *in, const size_t *classes, size_t count, tool_list *out,
                          td_error *error) {
    double *values;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, count, &values, "classes", error));
    for (size_t i = 0; i < count; i++)
        values[i] = (double)classes[i];
    *out = (tool_list){values, count};
    return TD_OK;
}

/* Each class needs enough images of others. */
static td_status check_images(const inspection *in, td_error *error) {
    const size_t least = in->inspector->least;
    size_t fewest = SIZE_MAX, scarce = 0;
    for (size_t i = 0; i < in->class_count && least > 0; i++) {
        size_t others = 0;
        for (size_t k = 0; k < in->images.count; k++)
            others += (size_t)in->images.labels[k] != in->classes[i];
        if (others < fewest) {
            fewest = others;
            scarce = in->classes[i];
        }
    }
    if (fewest < least)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected at least %zu clean images of other classes than %zu, found "
                       "%zu",
                       in->clean.name, least, scarce, fewest);
    if (fewest < FEW_IMAGES)
        tool_run_note(in->run,
                      "note: only %zu clean images of other classes than %zu; a trigger recovered "
                      "from so few may not generalise",
                      fewest, scarce);
    return TD_OK;
}

/* --- the search --- */

td_status inspect_add(inspection *in, const finding *one, td_error *error) {
    findings *f = &in->found;
    if (one->found && !isfinite(one->value))
        return td_fail(error, TD_ERR_NUMERIC, "expected a finite %s, found %g", f->statistic.name,
                       one->value);
    if ((f->count & (f->count - 1)) == 0) { /* a power of two: the list is full */
        finding *list;
        TD_TRY(
            TD_ARENA_NEW(&in->run->arena, f->count ? 2 * f->count : 1, &list, "findings", error));
        if (f->count > 0)
            memcpy(list, f->list, f->count * sizeof *list);
        f->list = list;
    }
    f->list[f->count++] = *one;
    return TD_OK;
}

/* Lists the classes without a finding. */
static td_status list_unsearched(inspection *in, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&in->run->arena, in->class_count, &in->unsearched, "classes", error));
    for (size_t i = 0; i < in->class_count; i++)
        if (!findings_find(&in->found, in->classes[i]))
            in->unsearched[in->found.unsearched++] = in->classes[i];
    return TD_OK;
}

/* Ends an interrupted search; reaching the time limit is not a failure. */
static td_status stop(inspection *in, td_error *error) {
    const bool keeps = in->inspector->resumes && in->settings->folder;
    TD_TRY(list_unsearched(in, error));
    const size_t done = in->class_count - in->found.unsearched;
    const char *way = keeps && done > 0 ? "; --resume continues" : "";
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted after %zu of %zu classes", done,
                       in->class_count);
    tool_run_note(in->run, "note: the time is up after %zu of %zu classes%s", done, in->class_count,
                  way);
    return TD_OK;
}

static td_status search_classes(inspection *in, td_error *error) {
    const inspector *math = in->inspector;
    if (math->run)
        TD_TRY(math->run(in, error));
    if (math->of_class && in->ready < in->class_count)
        tool_run_begin(in->run, "searching", in->steps > 1 ? "steps" : "classes",
                       in->class_count * in->steps);
    for (size_t i = 0; math->of_class && i < in->class_count; i++) {
        finding one = finding_new(in->classes[i], 0);
        if (i >= in->ready)
            TD_TRY(tool_run_go_on(in->run, i * in->steps, NULL, error));
        TD_TRY(math->of_class(in, i, &one, error));
        TD_TRY(inspect_add(in, &one, error));
    }
    return TD_OK;
}

/* A search without a gradient is meaningless, also one that the time limit cuts short. */
static td_status check_gradient(const inspection *in, td_error *error) {
    return !in->inspector->by_gradient || in->has_gradient || in->found.count == 0
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE,
                         "expected a model whose logits have a gradient with respect to the image, "
                         "found that none reaches it");
}

static td_status search(inspection *in, td_error *error) {
    tool_run *run = in->run;
    run->deadline = fmin(run->deadline, tool_monotonic_seconds() + 60 * in->settings->minutes);
    td_status status = search_classes(in, error);
    tool_run_end(run);
    if (status == TD_ERR_INTERRUPTED && inspect_is_by_class(in))
        status = stop(in, error);
    if (status == TD_OK)
        status = check_gradient(in, error);
    if (status != TD_OK && status != TD_ERR_INTERRUPTED)
        td_fail_within(error, status, "%s", in->settings->model.path);
    run->deadline = INFINITY; /* the search is over */
    return status;
}

td_status inspect_find(tool_run *run, const td_model *model, const td_dataset *clean, bool pictures,
                       findings *out, td_error *error) {
    const inspector *math = run->method->math;
    inspection in = {
        .run = run,
        .settings = run->family,
        .inspector = math,
        .pictures = pictures,
        .model = *model,
        .clean = *clean,
        .shape = td_net_input(&model->net),
        .images = clean->images,
        .steps = 1,
        .found = {.about = math->about, .statistic = math->statistic, .rated = math->rated}};
    TD_TRY(tool_run_class_list(run, NULL, NULL, &in.classes, &in.class_count, error));
    td_status status = math->prepare ? math->prepare(&in, error) : TD_OK;
    if (status == TD_OK)
        status = search_classes(&in, error);
    if (status == TD_OK)
        status = check_gradient(&in, error);
    tool_run_end(run);
    if (math->close)
        math->close(&in);
    TD_TRY(status);
    *out = in.found;
    return findings_judge(out, math->spread, error);
}

/* --- the run --- */

static td_status inspect(inspection *in, td_error *error) {
    const inspector *math = in->inspector;
    TD_TRY(inspect_claim_folder(in, error));
    TD_TRY(open_inputs(in, error));
    if (math->prepare)
        TD_TRY(math->prepare(in, error));
    TD_TRY(check_images(in, error));
    TD_TRY(inspect_check_pictures(in, error));
    TD_TRY(search(in, error));
    TD_TRY(inspect_report(in, error));
    TD_TRY(inspect_write_pictures(in, error));
    if (math->report)
        TD_TRY(math->report(in, error));
    return math->patch ? math->patch(in, error) : TD_OK;
}

static td_status run(tool_run *run, td_error *error) {
    const inspector *math = run->method->math;
    inspection in = {
        .run = run,
        .settings = run->family,
        .inspector = math,
        .pictures = ((const inspect_settings *)run->family)->folder != NULL,
        .steps = 1,
        .found = {.about = math->about, .statistic = math->statistic, .rated = math->rated}};
    td_status status = inspect(&in, error);
    if (math->close)
        math->close(&in);
    repair_close(&in.truth);
    td_model_free(&in.model);
    td_dataset_close(&in.clean);
    return status;
}

const tool_family inspectors = {
    .name = "inspector",
    .usage = "--model MODEL",
    .groups = groups,
    .size = sizeof(inspect_settings),
    .check = check,
    .run = run,
    .read = findings_read,
    .output = TOOL_OUTPUT_FILE,
    .output_what = "where to write the patched model",
};
