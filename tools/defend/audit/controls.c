/* SPDX-License-Identifier: MIT */
/* Controls: trains clean models by known recipes, and runs all screens on each. */
#include "defend/audit/controls.h"

#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "data/path.h"
#include "defend/audit/part.h"
#include "defend/audit/step.h"
#include "defend/inputs.h"
#include "defend/method.h"
#include "frame/identity.h"
#include "frame/net_source.h"
#include "model/model.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(controls_settings, field)

static const char record_name[] = "controls.json";
static const char *const recipes[] = {"one", "mixed", NULL};

static const td_key keys[] = {
    {"net", TD_KEY_TEXT, AT(net), .required = true, .value = "NET",
     .help = "The net: one of the zoo, or a file with a net text"},
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Train on DATA (split train)"},
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Clean images for the screens (split test)"},
    {"count", TD_KEY_COUNT, AT(count), .least = 1, .most = CONTROLS_MOST, .standard = "39",
     .unrecorded = true, .value = "N", .help = "Controls; the least p is 1/(N+1)"},
    {"recipes", TD_KEY_WORD, AT(recipes), .words = recipes, .standard = "mixed", .value = "WORD",
     .help = "one: train all by the training options. mixed: an eighth by them, the others with "
             "different augmentation, length, learning rate, optimiser, weight decay, batch or "
             "less data"},
    {"images", TD_KEY_COUNT, AT(images), .most = UINT32_MAX, .standard = "0", .value = "N",
     .help = "Train each on N images drawn at random; 0: on all"},
    {"part", TD_KEY_TEXT, AT(part), .unrecorded = true, .value = "K/N",
     .help = "Make only part K of N, on one of several machines; a run without it gathers all"},
    {"verify", TD_KEY_COUNT, AT(verify), .most = CONTROLS_MOST, .optional = true,
     .unrecorded = true, .value = "K",
     .help = "Make control K again and compare it bit by bit with DIR"},
    {"with", TD_KEY_TEXT, AT(with), .needs = "verify", .unrecorded = true, .value = "FILE",
     .help = "Compare it with this record of controls, such as one that comes with the program; "
             "takes the options by which it was made, and no -o"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = keys},
    {.keys = tool_training_keys, .offset = AT(training), .title = "Training", .detail = true},
    {0}};

typedef struct controls_job {
    tool_run *run;
    const controls_settings *settings;
    td_dataset data, clean;
    td_net net;
    char *net_text;
    json_t *identity;
    size_t begin, end; /* the controls to make */
    control_scores *list;
    td_arena *arenas; /* [count]: of each control's scores */
    bool *made;
    size_t done;
    pthread_mutex_t lock; /* of progress, failure and arenas */
    td_status status;
    td_error error;
} controls_job;

/* --- one control --- */

static td_status name_file(const controls_job *job, size_t number, char path[TD_PATH_SIZE],
                           td_error *error) {
    char name[40];
    snprintf(name, sizeof name, "control-%zu.json", number);
    return td_path_join(path, job->run->common->output, name)
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                         job->run->common->output, TD_PATH_SIZE);
}

/* The recipe's images in random order: slices of a set sorted by class would contain only some
 * classes. */
static td_status draw(const td_images *all, const control_recipe *recipe, td_arena *arena,
                      td_images *out, td_error *error) {
    td_random random = recipe->draw;
    uint32_t *order;
    *out = *all;
    if (recipe->count == all->count)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(arena, all->count, &order, "training images", error));
    td_random_permutation(&random, order, (uint32_t)all->count);
    return defend_gather(all, order, recipe->count, arena, out, error);
}

static td_status train(const controls_job *job, tool_run *part, const control_recipe *recipe,
                       td_model *model, td_error *error) {
    td_images images;
    TD_TRY(draw(&job->data.images, recipe, &part->arena, &images, error));
    TD_TRY(tool_net_open(&model->net, job->settings->net, &job->data.images, error));
    TD_TRY(TD_ARENA_NEW(&model->arena, model->net.weight_count, &model->weights, "weights", error));
    td_net_init(&model->net, recipe->seed, model->weights);
    return tool_run_train(part, &model->net, model->weights, &images, &recipe->training.options,
                          "training", error);
}

/* Copies a control to its own arena, to outlive the screening. */
static td_status keep(const control_scores *made, td_arena *arena, control_scores *out,
                      td_error *error) {
    td_json json = {0};
    json_t *written = control_json(&json, made);
    td_status status = td_json_end(&json, &written, "a control", error);
    if (status == TD_OK)
        status = control_read(written, out, arena, error);
    json_decref(written);
    return status;
}

static td_status make(const controls_job *job, size_t number, td_arena *arena, control_scores *out,
                      td_error *error) {
    tool_run part = {.settings = job->run->settings,
                     .method = job->run->method,
                     .common = job->run->common,
                     .classes = job->run->classes,
                     .deadline = INFINITY,
                     .as_part = true};
    control_recipe recipe;
    td_model model = {0};
    screening screens = {0};
    td_digest digest;
    TD_TRY(control_recipe_of(job->settings, &job->data.images, job->run->common->seed, number,
                             &recipe, error));
    td_status status = train(job, &part, &recipe, &model, error);
    if (status == TD_OK)
        status = screening_run(&part, &model, &job->clean, false, &screens, error);
    if (status == TD_OK) {
        control_scores made = control_of(&screens);
        digest = td_sha256(model.weights, model.net.weight_count * sizeof *model.weights);
        made.recipe = recipe.name;
        made.seed = recipe.seed;
        made.model = digest.hex;
        status = keep(&made, arena, out, error);
    }
    screening_close(&screens);
    td_model_free(&model);
    tool_run_close(&part);
    return status;
}

static td_status write(const controls_job *job, size_t number, const control_scores *made,
                       td_error *error) {
    char path[TD_PATH_SIZE];
    td_output file;
    TD_TRY(tool_record_check_inputs(&job->run->record, error));
    TD_TRY(name_file(job, number, path, error));
    td_json json = {0};
    json_t *whole = td_json_pack(&json, "{sO so}", "identity", job->identity, "control",
                                 control_json(&json, made));
    TD_TRY(td_json_end(&json, &whole, "a control", error));
    td_status status = td_output_open(&file, path, true, error);
    if (status == TD_OK)
        status = td_json_write(file.stream, whole, error);
    if (status == TD_OK)
        status = td_output_commit(&file, error);
    td_output_discard(&file);
    json_decref(whole);
    return status;
}

/* --- all --- */

static void show(controls_job *job) {
    tool_run_show(job->run, job->done, NULL);
}

static void make_one(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    controls_job *job = context;
    (void)end, (void)chunk, (void)thread;
    const size_t number = job->begin + begin;
    td_error error;
    pthread_mutex_lock(&job->lock);
    const bool skip = job->made[number] || job->status != TD_OK;
    pthread_mutex_unlock(&job->lock);
    if (skip)
        return;
    td_status status = make(job, number, &job->arenas[number], &job->list[number], &error);
    if (status == TD_OK)
        status = write(job, number, &job->list[number], &error);
    else
        td_fail_within(&error, status, "control %zu", number);
    pthread_mutex_lock(&job->lock);
    if (status == TD_OK) {
        job->made[number] = true;
        job->done++;
        show(job);
    } else if (job->status == TD_OK) {
        job->status = status;
        job->error = error;
    }
    pthread_mutex_unlock(&job->lock);
}

/* Trains several small nets at once, one thread each: two threads take more than half the time of
 * one. */
static td_status make_all(controls_job *job, td_error *error) {
    tool_run_begin(job->run, "controls", "models", job->end - job->begin);
    show(job);
    td_parallel_claim(job->end - job->begin, 1, make_one, job);
    tool_run_end(job->run);
    if (job->status == TD_OK)
        return TD_OK;
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED,
                       "interrupted after %zu of %zu controls; the same command resumes", job->done,
                       job->end - job->begin);
    *error = job->error;
    return job->status;
}

/* Loads a control from an earlier run; refuses one of another request. */
static td_status look(controls_job *job, size_t number, td_error *error) {
    char path[TD_PATH_SIZE];
    json_t *json;
    TD_TRY(name_file(job, number, path, error));
    if (!td_path_exists(path) || job->run->common->force)
        return TD_OK;
    TD_TRY(td_json_read(path, &json, error));
    json_t *found = json_object_get(json, "identity");
    td_status status =
        json_is_object(found)
            ? tool_identity_compare(job->identity, found, "request", "--force starts over", error)
            : td_fail(error, TD_ERR_FORMAT, "expected a control");
    if (status == TD_OK)
        status = control_read(json_object_get(json, "control"), &job->list[number],
                              &job->arenas[number], error);
    job->made[number] = status == TD_OK;
    job->done += status == TD_OK && number >= job->begin && number < job->end;
    json_decref(json);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

/* --- inputs --- */

static td_status identify(controls_job *job, td_error *error) {
    td_json json = {0};
    TD_TRY(tool_identity_start(&job->run->record, &job->net, &json, &job->identity, error));
    td_json_set(&json, job->identity, "data_images", tool_images_digest(&json, &job->data.images));
    td_json_set(&json, job->identity, "clean_images",
                tool_images_digest(&json, &job->clean.images));
    return td_json_end(&json, &job->identity, "what the controls are", error);
}

static td_status open_inputs(controls_job *job, td_error *error) {
    const controls_settings *s = job->settings;
    tool_run *run = job->run;
    TD_TRY(part_read(s->part, s->count, &job->begin, &job->end, error));
    TD_TRY(tool_run_dataset(run, s->data, "train", &job->data, error));
    TD_TRY(tool_run_dataset(run, s->clean, "test", &job->clean, error));
    TD_TRY(tool_net_open(&job->net, s->net, &job->data.images, error));
    TD_TRY(defend_check_data(&job->data, &job->net, error));
    TD_TRY(defend_check_data(&job->clean, &job->net, error));
    TD_TRY(td_net_text(&job->net, &run->arena, &job->net_text, error));
    TD_TRY(identify(job, error));
    TD_TRY(TD_ARENA_NEW(&run->arena, s->count, &job->list, "controls", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, s->count, &job->arenas, "controls", error));
    return TD_ARENA_NEW(&run->arena, s->count, &job->made, "controls", error);
}

/* --- results --- */

typedef struct control_row {
    size_t number;
    const char *recipe;
    td_rate accuracy;
    double scale;
} control_row;

#define ROW(field) offsetof(control_row, field)

static const tool_column columns[] = {
    {"number", "control", TOOL_COUNT, ROW(number)},
    {"recipe", "recipe", TOOL_TEXT, ROW(recipe)},
    {"accuracy", "accuracy", TOOL_RATE, ROW(accuracy)},
    {"scale", "margin", TOOL_REAL, ROW(scale), .digits = 2},
    {0},
};

static const tool_table_kind table = {
    .name = "models", .title = "Controls", .columns = columns, .row = sizeof(control_row)};

static td_status report(controls_job *job, td_error *error) {
    tool_run *run = job->run;
    td_json *json = &run->record.json;
    json_t *list = tool_run_set(run, "controls", "[]");
    control_row *rows;
    TD_TRY(TD_ARENA_NEW(&run->arena, job->settings->count, &rows, "controls", error));
    for (size_t i = 0; i < job->settings->count; i++) {
        const control_scores *c = &job->list[i];
        td_json_append(json, list, control_json(json, c));
        rows[i] = (control_row){
            .number = i, .recipe = c->recipe, .accuracy = c->accuracy, .scale = c->scale};
    }
    tool_run_set(run, "net_text", "s", job->net_text);
    tool_run_set(run, "classes", "z", td_net_classes(&job->net));
    tool_run_set(run, "clean_images", "s", tool_images_sha256(&job->clean.images).hex);
    json_t *names = run->classes.names ? tool_run_set(run, "class_names", "[]") : NULL;
    for (size_t i = 0; names && i < run->classes.count; i++)
        td_json_append(json, names, td_json_text(json, run->classes.names[i]));
    TD_TRY(tool_run_rows(run, &table, NULL, rows, job->settings->count, error));
    return tool_run_summary(
        run, error, "%zu control%s of %s on %s: the least p of an audit by them is %.3f",
        job->settings->count, job->settings->count == 1 ? "" : "s", job->settings->net,
        job->settings->data, 1 / (double)(1 + job->settings->count));
}

/* Whether two controls are equal, as stored in their files. */
static td_status compare(const control_scores *a, const control_scores *b, bool *same,
                         td_error *error) {
    enum { DIGITS = 10 }; /* of td_json_write */
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(DIGITS);
    td_json json = {0};
    json_t *first = control_json(&json, a), *second = control_json(&json, b);
    char *left = td_json_print(&json, first, flags), *right = td_json_print(&json, second, flags);
    *same = left && right && strcmp(left, right) == 0;
    free(left);
    free(right);
    json_decref(first);
    json_decref(second);
    return td_json_end(&json, NULL, "a control", error);
}

/* What the controls of a record are, as `identify` has it of those of a run. */
static td_status identify_record(const controls_job *job, const json_t *record, json_t **out,
                                 td_error *error) {
    static const char *const names[] = {"version", "kernel", "blas_core", "seed", "clean_images"};
    const char *net = json_string_value(json_object_get(record, "net_text"));
    td_json json = {0};
    *out = td_json_object(&json);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        td_json_set(&json, *out, names[i], json_incref(json_object_get(record, names[i])));
    td_json_update(&json, *out, json_object_get(record, "options"));
    td_json_set(&json, *out, "net", tool_digest(&json, net, strlen(net)));
    /* The record has none; other images make another control. */
    td_json_set(&json, *out, "data_images",
                json_incref(json_object_get(job->identity, "data_images")));
    return td_json_end(&json, out, "what the controls are", error);
}

/* The control of that number in a record, and whether it was asked for by the same request. */
static td_status look_in(const controls_job *job, size_t number, const char *path,
                         const control_scores **out, td_error *error) {
    controls_file file;
    json_t *record, *found = NULL;
    TD_TRY(td_json_read(path, &record, error));
    td_status status = controls_file_read(record, path, &file, &job->run->arena, error);
    if (status == TD_OK)
        status = identify_record(job, record, &found, error);
    if (status == TD_OK)
        status = tool_identity_compare(job->identity, found, "request",
                                       "take the options of the record", error);
    json_decref(found);
    json_decref(record);
    if (status == TD_OK && number >= file.count)
        status = td_fail(error, TD_ERR_USAGE,
                         "--verify: expected one of its %zu controls, counted from 0, found %zu",
                         file.count, number);
    *out = status == TD_OK ? &file.list[number] : NULL;
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}

static td_status look_for(controls_job *job, size_t number, const control_scores **out,
                          td_error *error) {
    *out = &job->list[number];
    if (job->settings->with)
        return look_in(job, number, job->settings->with, out, error);
    if (number < job->settings->count)
        TD_TRY(look(job, number, error));
    return number < job->settings->count && job->made[number]
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE,
                         "--verify: expected one of the controls that %s has, found %zu",
                         job->run->common->output, number);
}

static td_status verify(controls_job *job, td_error *error) {
    const size_t number = job->settings->verify;
    const control_scores *old;
    control_scores again;
    td_arena arena = {0};
    bool same = false;
    TD_TRY(look_for(job, number, &old, error));
    td_status status = make(job, number, &arena, &again, error);
    if (status == TD_OK)
        status = compare(&again, old, &same, error);
    if (status == TD_OK && !same)
        status = td_fail(error, TD_ERR_NUMERIC,
                         "control %zu: expected the weights %.16s... and their numbers, found "
                         "%.16s... and others",
                         number, old->model, again.model);
    td_arena_free(&arena);
    TD_TRY(status);
    return tool_run_summary(job->run, error, "verified: the same weights and numbers, to the bit");
}

/* A part of the controls, or a check of one, makes no record. */
static td_status claim_record(const controls_job *job, td_error *error) {
    const char *path;
    if (!job->run->record_name)
        return TD_OK;
    TD_TRY(step_path(job->run, job->run->common->output, record_name, &path, error));
    return tool_outputs_check_replaced(&job->run->outputs, path, error);
}

static td_status make_controls(controls_job *job, td_error *error) {
    const controls_settings *s = job->settings;
    TD_TRY(claim_record(job, error));
    TD_TRY(open_inputs(job, error));
    if (s->verify != SIZE_MAX)
        return verify(job, error);
    for (size_t i = 0; i < s->count; i++)
        TD_TRY(look(job, i, error));
    TD_TRY(make_all(job, error));
    return s->part ? tool_run_summary(job->run, error,
                                      "part %s is made; a run without --part gathers all", s->part)
                   : report(job, error);
}

static td_status run(tool_run *run, td_error *error) {
    const controls_settings *s = run->family;
    controls_job job = {.run = run, .settings = s, .status = TD_OK};
    pthread_mutex_init(&job.lock, NULL);
    if (!s->part && s->verify == SIZE_MAX)
        run->record_name = record_name;
    td_status status = make_controls(&job, error);
    for (size_t i = 0; job.arenas && i < job.settings->count; i++)
        td_arena_free(&job.arenas[i]);
    json_decref(job.identity);
    td_net_free(&job.net);
    td_dataset_close(&job.data);
    td_dataset_close(&job.clean);
    pthread_mutex_destroy(&job.lock);
    return status;
}

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    controls_settings *s = family;
    if (!tool_settings_given(settings, "verify"))
        s->verify = SIZE_MAX;
    if (s->with && settings->common.output)
        return td_fail(error, TD_ERR_USAGE, "-o has no meaning with --with");
    if (s->part && s->verify != SIZE_MAX)
        return td_fail(error, TD_ERR_USAGE, "--part has no meaning with --verify");
    if (!settings->common.output && !s->with)
        return td_fail(error, TD_ERR_USAGE, "-o is missing: %s",
                       settings->method->family->output_what);
    return tool_training_complete(&s->training, settings->common.seed, error);
}

static const tool_family controls = {
    .name = "controls",
    .usage = "--net NET --data DATA --clean DATA -o DIR",
    .groups = groups,
    .size = sizeof(controls_settings),
    .check = check,
    .run = run,
    .output = TOOL_OUTPUT_FOLDER,
    .part = "part",
    .output_what = "the folder for the controls",
};

static const char help[] =
    "Train clean models of a net and run the quick inspectors on each, to score models without a "
    "backdoor. trapdoor-defend screen, scan and audit compare a model with them (--controls "
    "DIR/controls.json)."
    "\v"
    "A control consists of its scores, seed and recipe; its model is not kept, --verify K trains "
    "it again. Use the net, the data and, if you know it, the training of the model that you "
    "audit; else --recipes mixed. DIR gets control-K.json for each control and, in the end, "
    "controls.json, which is all that the others need. The same command resumes an interrupted "
    "one.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend controls --net cnn --data fashion-mnist --epochs 3 \\\n"
    "    --clean fashion-mnist:test:0-2000 -o controls\n";

const tool_method defend_controls = {
    .name = "controls",
    .title = "Controls",
    .doc = "scores of clean models to compare with",
    .help = help,
    .family = &controls,
};
