#include "defend/repair/mend.h"

#include "base/random.h"
#include "base/size.h"
#include "defend/hygiene.h"
#include "defend/repair/prune_curve.h"
#include "frame/model_output.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "nn/channels.h"
#include <stdio.h>
#include <string.h>

enum { LEAST_IMAGES = 20 }; /* that a part of the clean images must have */

typedef struct mend_job {
    const mend_options *options;
    td_dataset clean, validation;
    td_model model;
    td_images learned;      /* what ranks and tunes */
    td_images validated;    /* count 0: none */
    size_t validated_first; /* number of its first image, for what triggers draw */
    td_net nets[2];         /* masked; shrunk */
    const td_net *net;      /* the model's, or the newest of these */
    float *weights;
    repair_judge judge;
    repair_figures before, after;
    tool_record record;
    json_t *epochs; /* borrowed from the record */
    td_arena arena;
} mend_job;

static json_t *options_json(const mend_options *o) {
    json_t *options = json_pack("{ss so*}", "method", o->method, "validate",
                                o->validate ? tool_json_text(o->validate) : NULL);
    if (o->prunes) {
        if (!o->validate)
            json_object_set_new(options, "hold_out", json_real(o->hold_out));
        if (o->layer)
            json_object_set_new(options, "layer", tool_json_text(o->layer));
        json_object_set_new(options, "tolerance", json_real(o->tolerance));
        json_object_set_new(options, "shrink", json_boolean(o->shrink));
    }
    if (o->tunes)
        json_object_set_new(options, "tune", tune_options_json(&o->tune));
    return repair_options_json(&o->repair, options);
}

/* Random clean images validate, the others are learned from; both in their order. */
static td_status hold_out(mend_job *job, td_error *error) {
    const td_images all = job->learned;
    const size_t held = (size_t)((double)all.count * job->options->hold_out + 0.5);
    uint32_t *order, *numbers;
    bool *is_held;
    TD_TRY(TD_ARENA_NEW(&job->arena, all.count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, all.count, &numbers, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, all.count, &is_held, "images", error));
    td_random random = td_random_for(job->options->repair.common.seed, TD_FOR_REPAIR, 0, 0);
    td_random_permutation(&random, order, (uint32_t)all.count);
    for (size_t i = 0; i < held; i++)
        is_held[order[i]] = true;
    size_t first = 0, second = held;
    for (size_t i = 0; i < all.count; i++)
        numbers[is_held[i] ? first++ : second++] = (uint32_t)i;
    TD_TRY(repair_gather(&all, numbers, held, &job->arena, &job->validated, error));
    return repair_gather(&all, numbers + held, all.count - held, &job->arena, &job->learned, error);
}

/* Images that judge or validate are not learned from. */
static td_status choose_learned(mend_job *job, td_error *error) {
    const hygiene_words words = {"--clean", "repairs", job->options->repair.common.quiet};
    td_dataset others[2]; /* views */
    size_t count = 0, kept_count;
    uint32_t *kept;
    if (job->options->repair.test)
        others[count++] = job->judge.test;
    if (job->options->validate)
        others[count++] = job->validation;
    TD_TRY(
        hygiene_check(&job->clean, &words, others, count, &job->arena, &kept, &kept_count, error));
    return repair_gather(&job->clean.images, kept, kept_count, &job->arena, &job->learned, error);
}

static td_status open_validation(mend_job *job, td_error *error) {
    const mend_options *o = job->options;
    TD_TRY(repair_open_data(&job->validation, &o->repair, o->validate, "train", &job->model.net,
                            &job->record, error));
    job->validated_first = job->validation.first;
    return repair_clean(&job->judge, &job->validation, "--validate", &job->arena, &job->validated,
                        error);
}

static td_status check_count(const char *name, const char *what, size_t found, td_error *error) {
    return found >= LEAST_IMAGES
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected at least %d images to %s, found %zu",
                         name, LEAST_IMAGES, what, found);
}

static td_status open_inputs(mend_job *job, td_error *error) {
    const mend_options *o = job->options;
    const repair_options *r = &o->repair;
    TD_TRY(repair_open_data(&job->clean, r, r->clean, "train", NULL, &job->record, error));
    TD_TRY(tool_record_input(&job->record, r->model, error));
    TD_TRY(tool_model_open(&job->model, r->model, r->net, &job->clean.images, error));
    TD_TRY(repair_check_data(&job->clean, &job->model.net, error));
    TD_TRY(repair_open(&job->judge, r, &job->model.net, &job->record, error));
    job->net = &job->model.net;
    job->weights = job->model.weights;
    if (o->validate)
        TD_TRY(open_validation(job, error));
    TD_TRY(choose_learned(job, error));
    if (o->prunes && !o->validate)
        TD_TRY(hold_out(job, error));
    TD_TRY(check_count(job->clean.name, "work with", job->learned.count, error));
    if (o->validate || o->prunes)
        TD_TRY(check_count(o->validate ? job->validation.name : job->clean.name, "validate",
                           job->validated.count, error));
    return TD_OK;
}

static td_status rank(mend_job *job, size_t node, double *mean, size_t *order, td_error *error) {
    tool_pass pass =
        tool_pass_start("ranking channels", job->learned.count, job->options->repair.common.quiet);
    td_status status = td_channels_mean(job->net, job->weights, node, &job->learned,
                                        tool_pass_watch(&pass), mean, error);
    tool_pass_end(&pass);
    td_channels_rank(mean, job->net->nodes[node].shape.channels, order);
    return status;
}

static json_t *curve_json(const prune_curve *curve, const repair_judge *judge, const double *mean,
                          const size_t *order) {
    json_t *array = json_array();
    for (size_t k = 0; k <= curve->steps; k++) {
        json_t *point = json_pack("{sI}", "pruned", (json_int_t)k), *asr = json_array();
        if (k > 0) {
            json_object_set_new(point, "channel", json_integer((json_int_t)order[k - 1]));
            json_object_set_new(point, "activation", json_real(mean[order[k - 1]]));
        }
        json_object_set_new(point, "accuracy", json_real(curve->accuracy[k].value));
        for (size_t i = 0; i < judge->backdoor_count; i++)
            json_array_append_new(asr, json_real(curve->asr[i][k].value));
        json_object_set_new(point, "asr", asr);
        json_array_append_new(array, point);
    }
    return array;
}

static void tell_pruning(mend_job *job, const char *layer, const prune_curve *curve,
                         size_t pruned) {
    const td_rate *whole = &curve->accuracy[0], *kept = &curve->accuracy[pruned];
    json_t *about =
        json_pack("{ss sI sI sI}", "layer", layer, "channels", (json_int_t)curve->steps, "pruned",
                  (json_int_t)pruned, "validation_images", (json_int_t)job->validated.count);
    tool_json_rate(about, "accuracy", whole);
    tool_json_rate(about, "pruned_accuracy", kept);
    json_object_set_new(job->record.root, "pruning", about);
    if (repair_prints(&job->options->repair))
        printf("%s: %zu of %zu channels pruned, validation accuracy %.2f %% -> %.2f %% (%zu "
               "images)\n",
               layer, pruned, curve->steps, 100 * whole->value, 100 * kept->value,
               job->validated.count);
}

static td_status prune(mend_job *job, size_t *mask, td_error *error) {
    const mend_options *o = job->options;
    size_t node, *order;
    double *mean;
    prune_curve curve;
    td_status status = td_channels_find(job->net, o->layer, &node, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", o->layer ? "--layer" : o->repair.model);
    const char *layer = job->net->nodes[node].name;
    const size_t channels = job->net->nodes[node].shape.channels;
    TD_TRY(TD_ARENA_NEW(&job->arena, channels, &mean, "activations", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, channels, &order, "channels", error));
    TD_TRY(rank(job, node, mean, order, error));
    TD_TRY(td_channels_insert(job->net, job->weights, node, &job->arena, &job->nets[0],
                              &job->weights, mask, error));
    job->net = &job->nets[0];
    const prune_subject subject = {job->net, job->weights, *mask, order};
    TD_TRY(prune_measure(&subject, &job->judge, &job->validated, job->validated_first, &job->arena,
                         &curve, error));
    const size_t pruned = prune_choose(&curve, o->tolerance);
    float *values = td_channels_mask(job->net, job->weights, *mask);
    for (size_t k = 0; k < pruned; k++)
        values[order[k]] = 0;
    tell_pruning(job, layer, &curve, pruned);
    json_object_set_new(job->record.root, "curve", curve_json(&curve, &job->judge, mean, order));
    return TD_OK;
}

/* The model's accuracy on the validation images. */
static td_status validate(mend_job *job, td_rate *rate, td_error *error) {
    const td_images *images = &job->validated;
    td_arena arena = {0};
    int32_t *predicted;
    td_status status = TD_ARENA_NEW(&arena, images->count, &predicted, "predictions", error);
    if (status == TD_OK)
        status = tool_predict_classes(job->net, job->weights, images, NULL, predicted, error);
    if (status == TD_OK)
        *rate = td_accuracy(predicted, images->labels, images->count);
    td_arena_free(&arena);
    return status;
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    mend_job *job = context;
    json_t *epoch = json_pack("{sI sf sf}", "epoch", (json_int_t)state->epoch, "loss", state->loss,
                              "accuracy", state->accuracy);
    json_array_append_new(job->epochs, epoch);
    if (job->validated.count == 0)
        return TD_OK;
    td_rate rate;
    TD_TRY(validate(job, &rate, error));
    tool_json_rate(epoch, "validation_accuracy", &rate);
    return TD_OK;
}

static td_status tune(mend_job *job, td_error *error) {
    const mend_options *o = job->options;
    const tune_run run = {
        &o->tune, o->repair.common.seed, o->repair.common.quiet, "fine-tuning", epoch_done, job};
    job->epochs = json_array();
    json_object_set_new(job->record.root, "epochs", job->epochs);
    TD_TRY(tune_model(&run, job->net, job->weights, &job->learned, error));
    if (repair_prints(&o->repair))
        printf("fine-tuned for %zu epochs on %zu images\n", o->tune.epochs, job->learned.count);
    return TD_OK;
}

static td_status shrink(mend_job *job, size_t mask, td_error *error) {
    const size_t before = job->net->weight_count;
    td_status status = td_channels_remove(job->net, job->weights, mask, &job->arena, &job->nets[1],
                                          &job->weights, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--shrink");
    job->net = &job->nets[1];
    if (repair_prints(&job->options->repair))
        printf("shrunk from %zu to %zu parameters\n", before, job->net->weight_count);
    return TD_OK;
}

static td_status mend(mend_job *job, td_error *error) {
    const mend_options *o = job->options;
    size_t mask = 0;
    TD_TRY(repair_measure(&job->judge, "measuring before", job->net, job->weights, &job->before,
                          error));
    if (o->prunes)
        TD_TRY(prune(job, &mask, error));
    if (o->tunes)
        TD_TRY(tune(job, error));
    if (o->shrink)
        TD_TRY(shrink(job, mask, error));
    TD_TRY(
        repair_measure(&job->judge, "measuring after", job->net, job->weights, &job->after, error));
    return repair_tell(&job->judge, &job->before, &job->after, &job->record, error);
}

static td_status run(mend_job *job, td_error *error) {
    const tool_common *common = &job->options->repair.common;
    TD_TRY(tool_model_check(common, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-defend", common, options_json(job->options),
                             error));
    TD_TRY(open_inputs(job, error));
    TD_TRY(mend(job, error));
    return tool_model_write(job->net, job->weights, job->model.training, common, &job->record,
                            error);
}

static int mended(const mend_options *options) {
    mend_job job = {.options = options};
    td_error error;
    td_status status = run(&job, &error);
    repair_close(&job.judge);
    td_net_free(&job.nets[0]);
    td_net_free(&job.nets[1]);
    td_model_free(&job.model);
    td_dataset_close(&job.validation);
    td_dataset_close(&job.clean);
    tool_record_free(&job.record);
    td_arena_free(&job.arena);
    return tool_exit(status, &error);
}

int mend_main(const char *method, bool prunes, bool tunes, const char *doc, int argc, char **argv) {
    mend_options options = {.tune = tune_defaults,
                            .method = method,
                            .prunes = prunes,
                            .tunes = tunes,
                            .hold_out = 0.25,
                            .tolerance = 0.04};
    mend_parse(&options, doc, argc, argv);
    return mended(&options);
}
