/* SPDX-License-Identifier: MIT */
#include "defend/detect/detect.h"

#define AT(field) offsetof(detect_settings, field)

static const td_key keys[] = {
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Clean images to calibrate with (split test)"},
    {"benign", TD_KEY_TEXT, AT(benign), .many = true, .value = "DATA",
     .help = "Clean images to evaluate on; may be repeated"},
    {"suspect", TD_KEY_TEXT, AT(suspects), .many = true, .value = "DATA",
     .help = "Images to find triggers in; may be repeated"},
    {"trigger", TD_KEY_TEXT, AT(triggers), .many = true, .field = "triggers", .value = "TRIGGER",
     .help = "Also stamp the benign images with this trigger, as suspects; may be repeated"},
    {"picture", TD_KEY_TEXT, AT(picture), .unrecorded = true, .value = "FILE",
     .help = "Write a PNG with the histograms of the scores"},
    {"exit-code", TD_KEY_FLAG, AT(exit_code), .unrecorded = true,
     .help = "Exit with 3 if a suspect set is flagged above the expected rate beyond chance: the "
             "interval's low end is above the rate and, where benign images are judged, above the "
             "high end of their interval"},
    {0},
};

/* Replaces the model's keys for detectors that need only classes. */
static const td_key query_keys[] = {
    {"model", TD_KEY_TEXT, AT(model.path), .value = "MODEL",
     .help = "The model; without one, --logits or --queries"},
    {"net", TD_KEY_TEXT, AT(model.net), .needs = "model", .value = "NET",
     .help = "The net of a model that does not name it: one of the zoo, or a file with a net text"},
    {"logits", TD_KEY_TEXT, AT(logits), .value = "FILE.npy",
     .help = "In place of a model: its answers to the images of --queries, in their order; a NumPy "
             "array of logits, '<f4' or '<f8' (images, classes), or of classes, whole numbers "
             "(images,)"},
    {"queries", TD_KEY_TEXT, AT(queries), .unrecorded = true, .value = "FILE",
     .help = "Only write the images to query the model with, as a data set"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = defend_model_keys, .offset = AT(model)}, {.keys = keys}, {0}};
static const tool_keys query_groups[] = {{.keys = query_keys}, {.keys = keys}, {0}};
static const tool_keys image_groups[] = {{.keys = keys}, {0}};

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    const detect_settings *s = family;
    (void)settings;
    if (s->benign.count + s->suspects.count == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected --benign or --suspect, found nothing to judge");
    if (s->triggers.count > 0 && s->benign.count == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--trigger: expected --benign images to stamp, found none");
    if (s->benign.count * (1 + s->triggers.count) + s->suspects.count > DETECT_MOST_SETS)
        return td_fail(error, TD_ERR_USAGE,
                       "expected at most %d sets to judge, stamped ones included",
                       DETECT_MOST_SETS);
    return TD_OK;
}

static td_status check_query(const tool_settings *settings, void *family, td_error *error) {
    const detect_settings *s = family;
    if (!!s->model.path + !!s->logits + !!s->queries != 1)
        return td_fail(error, TD_ERR_USAGE,
                       "expected one of --model, --logits and --queries, found %s",
                       s->model.path || s->logits || s->queries ? "several" : "none");
    return check(settings, family, error);
}

static td_status detect(detect_job *job, td_error *error) {
    detect_verdict verdict;
    TD_TRY(detect_open_inputs(job, error));
    TD_TRY(job->detector->prepare(job, error));
    if (job->detector->queries)
        TD_TRY(detect_query_open(job, error));
    if (job->settings->queries)
        return detect_query_write(job, error);
    TD_TRY(detect_score_all(job, error));
    TD_TRY(detect_report(job, &verdict, error));
    return job->settings->picture ? detect_draw(job, &verdict, error) : TD_OK;
}

static td_status run(tool_run *run, td_error *error) {
    const detect_settings *settings = run->family;
    if (settings->picture)
        TD_TRY(tool_outputs_check(&run->outputs, settings->picture, error));
    if (settings->queries)
        TD_TRY(tool_outputs_check(&run->outputs, settings->queries, error));
    detect_job job = {.run = run,
                      .settings = settings,
                      .detector = run->method->math,
                      .fpr = ((const detect_own *)run->own)->fpr};
    td_status status = detect(&job, error);
    detect_close_inputs(&job);
    return status;
}

const tool_family detectors = {
    .name = "detector",
    .usage = "--model MODEL --clean DATA [--benign DATA] [--suspect DATA]",
    .groups = groups,
    .size = sizeof(detect_settings),
    .check = check,
    .run = run,
    .read = detect_read,
};

const tool_family query_detectors = {
    .name = "detector",
    .usage = "--model MODEL --clean DATA [--benign DATA] [--suspect DATA]\n"
             "--logits FILE.npy --clean DATA [--benign DATA] [--suspect DATA]\n"
             "--queries FILE --clean DATA [--benign DATA] [--suspect DATA]",
    .groups = query_groups,
    .size = sizeof(detect_settings),
    .check = check_query,
    .run = run,
    .read = detect_read,
};

const tool_family image_detectors = {
    .name = "detector",
    .usage = "--clean DATA [--benign DATA] [--suspect DATA]",
    .groups = image_groups,
    .size = sizeof(detect_settings),
    .check = check,
    .run = run,
    .read = detect_read,
};
