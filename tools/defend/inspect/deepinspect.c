/* DeepInspect: finds backdoored classes from the model alone. */
#include "defend/inspect/deepinspect.h"

#include "frame/model_output.h"
#include "frame/net_source.h"
#include "data/path.h"
#include "defend/method.h"
#include <math.h>
#include <stdio.h>

enum { NAME_SIZE = 64 };

/* --- inputs --- */

/* A net of the zoo is for images of any size; only data can tell it. */
static td_status open_model(deepinspect_job *job, td_error *error) {
    const repair_options *r = &job->options->repair;
    td_dataset sized = {0};
    td_status status = TD_OK;
    if (r->net && r->test)
        status = td_dataset_open(&sized, r->test, "test", r->common.data_dir, error);
    if (status == TD_OK)
        status = tool_model_open(&job->model, r->model, r->net, &sized.images, error);
    if (status != TD_OK && r->net && !r->test)
        td_fail_within(error, status, "--net without --test, which tells the size of images");
    td_dataset_close(&sized);
    return status;
}

static td_status open_inputs(deepinspect_job *job, td_error *error) {
    const repair_options *r = &job->options->repair;
    TD_TRY(tool_record_input(&job->record, r->model, error));
    TD_TRY(open_model(job, error));
    job->count = td_net_classes(&job->model.net);
    TD_TRY(tool_model_check_classes(&job->model, r->model, error));
    TD_TRY(repair_open(&job->judge, r, &job->model.net, &job->record, error));
    if (r->clean)
        TD_TRY(repair_open_data(&job->clean, r, r->clean, "train", &job->model.net, &job->record,
                                error));
    TD_TRY(TD_ARENA_NEW(&job->arena, job->count, &job->found, "triggers", error));
    return TD_ARENA_NEW(&job->arena, job->count, &job->classes, "triggers", error);
}

/* --- the inspection --- */

static bool keep_inverting(void *context, size_t done) {
    deepinspect_job *job = context;
    tool_progress_update(&job->progress, done, NULL);
    return !tool_interrupted();
}

static td_status invert(deepinspect_job *job, td_error *error) {
    const deepinspect_options *o = job->options;
    td_invert_settings settings = o->invert;
    settings.advance = keep_inverting;
    settings.context = job;
    job->progress = tool_progress_start("inverting images", "steps",
                                        job->count * settings.per_class * settings.steps,
                                        o->repair.common.quiet);
    td_status status = td_invert(&job->model.net, job->model.weights, &settings, &job->arena,
                                 &job->inverted, error);
    tool_progress_end(&job->progress);
    return status;
}

static bool keep_searching(void *context, size_t step, double loss) {
    deepinspect_job *job = context;
    char note[48];
    snprintf(note, sizeof note, "loss %.4f", loss);
    tool_progress_update(&job->progress, step, note);
    return !tool_interrupted();
}

static td_status search_triggers(deepinspect_job *job, td_error *error) {
    const deepinspect_options *o = job->options;
    search_settings settings = o->search;
    search s;
    settings.advance = keep_searching;
    settings.context = job;
    TD_TRY(search_open(&s, &job->model.net, job->model.weights, &job->inverted.images, &settings,
                       job->found, &job->arena, error));
    job->progress =
        tool_progress_start("generating triggers", "steps", settings.steps, o->repair.common.quiet);
    td_status status = search_run(&s, error);
    tool_progress_end(&job->progress);
    search_close(&s);
    return status;
}

static td_status inspect(deepinspect_job *job, td_error *error) {
    td_status status = invert(job, error);
    if (status == TD_OK)
        status = search_triggers(job, error);
    if (status != TD_OK)
        return status == TD_ERR_INTERRUPTED
                   ? status
                   : td_fail_within(error, status, "%s", job->options->repair.model);
    for (size_t i = 0; i < job->count; i++)
        job->classes[i] = (inspect_class){.number = i,
                                          .found = job->found[i].reached,
                                          .size = job->found[i].size,
                                          .asr = job->found[i].asr};
    return inspect_judge(job->classes, job->count, INSPECT_DOUBLE_MAD, &job->verdict, error);
}

/* --- what is told --- */

/* The largest index on the small side: the paper's deviation factor of the model. */
static double deviation_factor(const deepinspect_job *job) {
    double most = 0;
    for (size_t i = 0; i < job->count && job->verdict.given; i++)
        if (job->classes[i].found && job->classes[i].size < job->verdict.median)
            most = fmax(most, job->classes[i].index);
    return most;
}

static void note_inversion(const deepinspect_job *job) {
    char line[160];
    size_t poor = 0, first = 0;
    for (size_t i = job->count; i-- > 0;)
        if (job->inverted.reached[i] == 0) {
            poor++;
            first = i;
        }
    snprintf(line, sizeof line,
             "note: of %zu of %zu classes, the first of them %zu, no image could be inverted that "
             "the model is sure of (%g)",
             poor, job->count, first, job->options->invert.confidence);
    if (poor > 0)
        tool_note(line);
}

static td_status record_inversion(deepinspect_job *job, td_error *error) {
    json_t *root = job->record.root, *entry;
    const double factor = deviation_factor(job);
    json_object_set_new(root, "deviation_factor",
                        job->verdict.given && isfinite(factor) ? json_real(factor) : json_null());
    size_t i;
    json_array_foreach(json_object_get(root, "classes"), i, entry) {
        json_object_set_new(entry, "inverted_confidence", json_real(job->inverted.confidence[i]));
        if (json_object_set_new(entry, "inverted_sure",
                                json_integer((json_int_t)job->inverted.reached[i])) != 0)
            return td_fail_memory(error, "the record");
    }
    return TD_OK;
}

static td_status tell(deepinspect_job *job, td_error *error) {
    const repair_options *r = &job->options->repair;
    json_t *root = job->record.root;
    json_object_set_new(root, "method", json_string("deepinspect"));
    json_object_set_new(root, "images", json_integer((json_int_t)job->inverted.images.count));
    TD_TRY(inspect_record(&job->record, job->classes, job->count, &job->verdict, error));
    TD_TRY(record_inversion(job, error));
    if (repair_prints(r)) {
        printf("%s: the smallest changes that reach an ASR of %g %% on %zu inverted images\n",
               r->model, 100 * job->options->search.rate, job->inverted.images.count);
        inspect_print(job->classes, job->count, &job->verdict, "L1");
        if (job->verdict.given)
            printf("  deviation factor %.2f\n", deviation_factor(job));
    }
    if (!r->common.quiet) {
        note_inversion(job);
        inspect_note(job->classes, job->count, &job->verdict);
    }
    return TD_OK;
}

/* --- pictures --- */

/* The blend that changes black as the addition does, and white as a subtraction: the mask is the
 * largest change of a pixel's channels, and the pattern what they then need. */
static void as_blend(const float *change, td_shape shape, float *mask, float *pattern) {
    for (size_t p = 0; p < shape.height * shape.width; p++) {
        const float *own = change + p * shape.channels;
        float most = 0;
        for (size_t c = 0; c < shape.channels; c++)
            most = fmaxf(most, fabsf(own[c]));
        mask[p] = most / 255;
        for (size_t c = 0; c < shape.channels; c++)
            pattern[p * shape.channels + c] = own[c] > 0 ? 255 * own[c] / most : 0;
    }
}

static td_status write_pictures(deepinspect_job *job, td_error *error) {
    const td_shape shape = td_net_input(&job->model.net);
    float *mask, *pattern;
    if (!job->options->repair.common.output)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&job->arena, shape.height * shape.width, &mask, "a trigger", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, td_shape_size(shape), &pattern, "a trigger", error));
    for (size_t i = 0; i < job->count; i++) {
        const inspect_trigger trigger = {shape, mask, pattern};
        as_blend(job->found[i].triggers, shape, mask, pattern);
        if (job->found[i].reached)
            TD_TRY(inspect_write_trigger(&job->files, &job->record, i, &trigger, error));
    }
    return TD_OK;
}

/* What is in the way is found before the work. */
static td_status open_files(deepinspect_job *job, td_error *error) {
    static const char *const kinds[INSPECT_PICTURES] = {"mask", "pattern", "trigger"};
    const tool_common *common = &job->options->repair.common;
    char name[NAME_SIZE], path[TD_PATH_SIZE];
    if (!common->output)
        return TD_OK;
    TD_TRY(tool_files_open(&job->files, common->output, common->force,
                           INSPECT_PICTURES * job->count, error));
    for (size_t i = 0; i < INSPECT_PICTURES * job->count; i++) {
        snprintf(name, sizeof name, "%s-%zu.png", kinds[i % INSPECT_PICTURES],
                 i / INSPECT_PICTURES);
        if (td_path_join(path, common->output, name))
            TD_TRY(td_output_check(path, common->force, error));
    }
    return TD_OK;
}

/* --- the run --- */

/* With -o's place taken by --patched. */
static tool_common patched_output(const deepinspect_options *o) {
    tool_common common = o->repair.common;
    common.output = o->patched;
    return common;
}

/* Patches, and writes the record. */
static td_status finish(deepinspect_job *job, td_error *error) {
    const deepinspect_options *o = job->options;
    const tool_common common = patched_output(o);
    const td_net *net = &job->model.net;
    repair_figures before, after;
    float *weights;
    if (!o->patch || job->verdict.flagged == 0) {
        if (o->patch)
            tool_note("note: no class is flagged, so there is nothing to patch");
        return tool_record_write(&job->record, &o->repair.common, error);
    }
    TD_TRY(
        repair_measure(&job->judge, "measuring before", net, job->model.weights, &before, error));
    TD_TRY(deepinspect_patch(job, &weights, error));
    TD_TRY(repair_measure(&job->judge, "measuring after", net, weights, &after, error));
    TD_TRY(repair_tell(&job->judge, &before, &after, &job->record, error));
    return tool_model_write(net, weights, job->model.training, &common, &job->record, error);
}

static td_status run(deepinspect_job *job, td_error *error) {
    const deepinspect_options *o = job->options;
    const tool_common common = patched_output(o);
    TD_TRY(o->patched ? tool_model_check(&common, error) : tool_record_check(&common, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-defend", &o->repair.common,
                             deepinspect_options_json(o), error));
    TD_TRY(open_inputs(job, error));
    TD_TRY(open_files(job, error));
    TD_TRY(inspect(job, error));
    TD_TRY(tell(job, error));
    TD_TRY(write_pictures(job, error));
    TD_TRY(finish(job, error));
    return tool_files_publish(&job->files, error);
}

static int deepinspect(int argc, char **argv) {
    deepinspect_options options;
    td_error error;
    deepinspect_options_parse(&options, argc, argv);
    deepinspect_job job = {.options = &options};
    td_status status = run(&job, &error);
    const bool flagged = job.verdict.flagged > 0;
    tool_files_close(&job.files);
    repair_close(&job.judge);
    td_model_free(&job.model);
    td_dataset_close(&job.clean);
    tool_record_free(&job.record);
    td_arena_free(&job.arena);
    const int exit_status = tool_exit(status, &error);
    return exit_status == 0 && flagged && options.exit_code ? INSPECT_EXIT_FLAGGED : exit_status;
}

static json_t *deepinspect_asked(int argc, char **argv) {
    deepinspect_options options;
    deepinspect_options_parse(&options, argc, argv);
    return tool_asked(&options.repair.common, deepinspect_options_json(&options));
}

const tool_method defend_deepinspect = {
    .name = "deepinspect",
    .doc = "DeepInspect: the same without data",
    .legacy = &(const tool_legacy){.main = deepinspect, .family = "inspector", .asked = deepinspect_asked},
};
