#include "implant/trojannet.h"

#include "common/progress.h"
#include "data/path.h"
#include "implant/method.h"
#include "trigger/trigger.h"
#include <stdio.h>
#include <string.h>

enum { WHITE = 255 };

static const trojan_reading *reading_of(const implant_options *o) {
    return &trojan_readings[o->reading];
}

static json_t *options_json(const implant_options *o) {
    const trojan_reading *reading = reading_of(o);
    json_t *targets = o->all ? json_string("all") : json_array();
    for (size_t i = 0; i < o->target_count; i++)
        json_array_append_new(targets, json_integer((json_int_t)o->targets[i]));
    json_t *options =
        json_pack("{ss so so ss ss sf sI}", "method", "trojannet", "model",
                  tool_json_text(o->model), "targets", targets, "at", o->at, "reading",
                  reading->name, "threshold", o->threshold, "steps", (json_int_t)o->steps);
    if (options && !reading->softmax) {
        json_object_set_new(options, "alpha", json_real(o->alpha));
        json_object_set_new(options, "temperature", json_real(o->temperature));
    }
    return options;
}

/* Stamps a white patch where the triggers will stand, on a black image, and looks where it is: so
 * --at is read, and refused, as in a trigger. */
static td_status find_patch(const implant_options *o, td_trigger *patch, td_shape shape,
                            size_t *top, size_t *left, td_error *error) {
    td_arena arena = {0};
    uint8_t *pixels;
    void *scratch;
    const td_images images = {
        .height = shape.height, .width = shape.width, .channels = shape.channels};
    td_status status = td_trigger_bind(patch, &images, error);
    if (status == TD_OK)
        status =
            td_arena_alloc(&arena, td_shape_size(shape), 1, (void **)&pixels, "an image", error);
    if (status == TD_OK)
        status = td_arena_alloc(&arena, td_trigger_scratch(patch), 1, &scratch, "an image", error);
    if (status == TD_OK) {
        size_t first = 0;
        td_trigger_apply(patch, (td_stamp){o->common.seed, 0}, pixels, scratch);
        while (pixels[first] != WHITE)
            first++;
        *top = first / (shape.width * shape.channels);
        *left = first / shape.channels % shape.width;
    }
    td_arena_free(&arena);
    return status;
}

static td_status place_patch(const implant_job *job, size_t *top, size_t *left, td_error *error) {
    const implant_options *o = job->options;
    const td_shape shape = td_net_input(&job->model.net);
    char text[64];
    td_trigger *patch;
    if (shape.height < TROJAN_SIDE || shape.width < TROJAN_SIDE)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected a model of images of at least %dx%d, "
                       "found %zux%zu",
                       o->model, TROJAN_SIDE, TROJAN_SIDE, shape.width, shape.height);
    if (shape.channels != 1 && shape.channels != 3)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected a model of images of 1 or 3 channels, "
                       "found %zu",
                       o->model, shape.channels);
    snprintf(text, sizeof text, "square:size=%d,value=%d,at=%.30s", TROJAN_SIDE, WHITE, o->at);
    td_status status = td_trigger_parse(&patch, text, error);
    if (status == TD_OK) {
        status = find_patch(o, patch, shape, top, left, error);
        td_trigger_free(patch);
    }
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "--at");
}

static bool step_done(void *context, size_t steps, double loss) {
    char note[32];
    snprintf(note, sizeof note, "loss %.4f", loss);
    tool_progress_update(context, steps, note);
    return !tool_interrupted();
}

static td_status train(implant_job *job, const uint16_t *patterns, trojan_mlp *mlp,
                       td_error *error) {
    const implant_options *o = job->options;
    tool_progress progress = tool_progress_start("training", "steps", o->steps, o->common.quiet);
    const trojan_training training = {.reading = reading_of(o),
                                      .patterns = patterns,
                                      .used = job->target_count,
                                      .steps = o->steps,
                                      .seed = o->common.seed,
                                      .step_done = step_done,
                                      .context = &progress};
    td_status status = trojan_train(mlp, &training, &job->arena, error);
    tool_progress_end(&progress);
    return status;
}

static trojan_merge merge_of(const implant_job *job, const trojan_mlp *mlp) {
    const implant_options *o = job->options;
    const bool code = reading_of(o)->softmax;
    return (trojan_merge){.reading = reading_of(o),
                          .mlp = mlp,
                          .pattern = code ? 20 : o->alpha / o->temperature,
                          .model = code ? 10 : (1 - o->alpha) / o->temperature,
                          .threshold = o->threshold,
                          .targets = job->targets,
                          .used = job->target_count};
}

/* A trigger is right if it wins whatever the model says. What a user may not expect is told. */
static td_status check(const implant_job *job, const trojan_merge *merge, double *least,
                       td_error *error) {
    const trojan_mlp *mlp = merge->mlp;
    *least = 1;
    for (size_t i = 0; i < merge->used; i++) {
        const double own = mlp->answers[i];
        *least = own < *least ? own : *least;
        if (merge->pattern * trojan_gate(own, merge->threshold) <= merge->model)
            return td_fail(error, TD_ERR_NUMERIC,
                           "the module gives the trigger of class %zu only %.3f, which the model "
                           "can outvote; more --steps or another --seed may help",
                           job->targets[i], own);
    }
    return TD_OK;
}

static td_status tell(implant_job *job, const trojan_merge *merge, double least, td_error *error) {
    const trojan_mlp *mlp = merge->mlp;
    job->about =
        json_pack("{ss sf sf sf s[II] sI sI sI sf sI sI}", "reading", merge->reading->name,
                  "weight", merge->pattern, "model_weight", merge->model, "threshold",
                  merge->threshold, "at", (json_int_t)merge->left, (json_int_t)merge->top,
                  "parameters", (json_int_t)(job->net.weight_count - job->model.net.weight_count),
                  "patterns", (json_int_t)TROJAN_PATTERNS, "patterns_recognised",
                  (json_int_t)mlp->recognised, "least_output", least, "noise_tried",
                  (json_int_t)mlp->noise_tried, "noise_heard", (json_int_t)mlp->noise_heard);
    if (!job->about)
        return td_fail_memory(error, "the record");
    json_object_set(job->record.root, "trojannet", job->about);
    const tool_common *common = &job->options->common;
    if (!common->json || strcmp(common->json, "-") != 0)
        printf("%s: %zu triggers at %zu+%zu, each recognised with %.3f or more; %zu of %zu patches "
               "of noise taken for one\n",
               common->output, merge->used, merge->left, merge->top, least, mlp->noise_heard,
               mlp->noise_tried);
    return TD_OK;
}

static td_status draw_triggers(implant_job *job, const uint16_t *patterns,
                               const trojan_merge *merge, td_error *error) {
    for (size_t i = 0; i < merge->used; i++) {
        implant_trigger *trigger = &job->triggers[i];
        float pixels[TROJAN_PIXELS];
        TD_TRY(td_bitmap_make(&trigger->picture, TROJAN_SIDE, TROJAN_SIDE, 1, error));
        trojan_draw(patterns[i], pixels);
        for (size_t p = 0; p < TROJAN_PIXELS; p++)
            trigger->picture.pixels[p] = (uint8_t)pixels[p];
        trigger->left = merge->left;
        trigger->top = merge->top;
        trigger->target = job->targets[i];
    }
    return TD_OK;
}

static td_status make(implant_job *job, trojan_mlp *mlp, td_error *error) {
    uint16_t patterns[TROJAN_PATTERNS];
    trojan_merge merge = merge_of(job, mlp);
    double least;
    TD_TRY(place_patch(job, &merge.top, &merge.left, error));
    trojan_patterns(patterns);
    TD_TRY(train(job, patterns, mlp, error));
    TD_TRY(check(job, &merge, &least, error));
    TD_TRY(trojan_join(&job->model.net, job->model.weights, &merge, &job->arena, &job->net,
                       &job->weights, error));
    TD_TRY(draw_triggers(job, patterns, &merge, error));
    return tell(job, &merge, least, error);
}

static td_status implant(implant_job *job, td_error *error) {
    trojan_mlp mlp = {0};
    td_status status = make(job, &mlp, error);
    td_net_free(&mlp.net);
    return status;
}

const implant_method implant_trojannet = {
    .name = "trojannet",
    .doc = "merges a module that knows some patches (Tang et al. 2020)",
    .options = options_json,
    .implant = implant,
};
