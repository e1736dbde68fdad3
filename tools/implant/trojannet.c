#include "implant/trojannet.h"

#include "frame/progress.h"
#include "implant/implant.h"
#include "implant/method.h"
#include "implant/place.h"
#include "implant/trojannet_options.h"
#include <stdio.h>

/* A run. */
typedef struct session {
    implant_job job;
    const trojannet_options *options;
    size_t *targets; /* of the triggers */
} session;

static json_t *options_json(const trojannet_options *o) {
    json_t *options = implant_options_json(&o->shared, "trojannet");
    json_object_set_new(options, "reading", json_string(o->reading->name));
    json_object_set_new(options, "threshold", json_real(o->threshold));
    json_object_set_new(options, "steps", json_integer((json_int_t)o->steps));
    if (!o->reading->softmax) {
        json_object_set_new(options, "alpha", json_real(o->alpha));
        json_object_set_new(options, "temperature", json_real(o->temperature));
    }
    return options;
}

static bool step_done(void *context, size_t steps, double loss) {
    char note[32];
    snprintf(note, sizeof note, "loss %.4f", loss);
    tool_progress_update(context, steps, note);
    return !tool_interrupted();
}

static td_status train(session *s, const uint16_t *patterns, trojan_mlp *mlp, td_error *error) {
    const trojannet_options *o = s->options;
    tool_progress progress =
        tool_progress_start("training", "steps", o->steps, s->job.common->quiet);
    const trojan_training training = {.reading = o->reading,
                                      .patterns = patterns,
                                      .used = s->job.trigger_count,
                                      .steps = o->steps,
                                      .seed = s->job.common->seed,
                                      .step_done = step_done,
                                      .context = &progress};
    td_status status = trojan_train(mlp, &training, &s->job.arena, error);
    tool_progress_end(&progress);
    return status;
}

static td_status collect_targets(session *s, td_error *error) {
    const implant_job *job = &s->job;
    TD_TRY(TD_ARENA_NEW(&s->job.arena, job->trigger_count, &s->targets, "targets", error));
    for (size_t i = 0; i < job->trigger_count; i++)
        s->targets[i] = job->triggers[i].target;
    return TD_OK;
}

static trojan_merge merge_of(const session *s, const trojan_mlp *mlp) {
    const trojannet_options *o = s->options;
    const bool code = o->reading->softmax;
    return (trojan_merge){.reading = o->reading,
                          .mlp = mlp,
                          .pattern = code ? 20 : o->alpha / o->temperature,
                          .model = code ? 10 : (1 - o->alpha) / o->temperature,
                          .threshold = o->threshold,
                          .targets = s->targets,
                          .used = s->job.trigger_count};
}

/* A trigger is right if it wins whatever the model says. What a user may not expect is told. */
static td_status check(const trojan_merge *merge, double *least, td_error *error) {
    const trojan_mlp *mlp = merge->mlp;
    *least = 1;
    for (size_t i = 0; i < merge->used; i++) {
        const double own = mlp->answers[i];
        *least = own < *least ? own : *least;
        if (merge->pattern * trojan_gate(own, merge->threshold) <= merge->model)
            return td_fail(error, TD_ERR_NUMERIC,
                           "the module gives the trigger of class %zu only %.3f, which the model "
                           "can outvote; more --steps or another --seed may help",
                           merge->targets[i], own);
    }
    return TD_OK;
}

static td_status report(implant_job *job, const trojan_merge *merge, double least,
                        td_error *error) {
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
    if (implant_prints(job))
        printf("%s: %zu triggers at %zu+%zu, each recognised with %.3f or more; %zu of %zu patches "
               "of noise taken for one\n",
               job->common->output, merge->used, merge->left, merge->top, least, mlp->noise_heard,
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
    }
    return TD_OK;
}

static td_status make(session *s, trojan_mlp *mlp, td_error *error) {
    implant_job *job = &s->job;
    uint16_t patterns[TROJAN_PATTERNS];
    double least;
    TD_TRY(collect_targets(s, error));
    trojan_merge merge = merge_of(s, mlp);
    TD_TRY(implant_place(s->options->shared.model, td_net_input(&job->model.net), TROJAN_SIDE,
                         implant_at(&s->options->shared), &merge.top, &merge.left, error));
    trojan_patterns(patterns);
    TD_TRY(train(s, patterns, mlp, error));
    TD_TRY(check(&merge, &least, error));
    TD_TRY(trojan_join(&job->model.net, job->model.weights, &merge, &job->arena, &job->net,
                       &job->weights, error));
    TD_TRY(draw_triggers(job, patterns, &merge, error));
    return report(job, &merge, least, error);
}

static td_status run(session *s, td_error *error) {
    trojan_mlp mlp = {0};
    TD_TRY(implant_start(&s->job, options_json(s->options), error));
    TD_TRY(implant_open(&s->job, &s->options->shared, error));
    TD_TRY(implant_check_outputs(&s->job, error));
    td_status status = make(s, &mlp, error);
    td_net_free(&mlp.net);
    return status == TD_OK ? implant_write(&s->job, error) : status;
}

static int trojannet_main(int argc, char **argv) {
    trojannet_options options;
    td_error error;
    trojannet_options_parse(&options, argc, argv);
    session s = {.job = {.common = &options.shared.common,
                         .method = "trojannet",
                         .folder = options.shared.triggers},
                 .options = &options};
    td_status status = run(&s, &error);
    implant_close(&s.job);
    return tool_exit(status, &error);
}

const tool_method implant_trojannet = {
    .name = "trojannet",
    .doc = "merges a module that knows patches (Tang et al. 2020)",
    .legacy = &(const tool_legacy){.main = trojannet_main},
};
