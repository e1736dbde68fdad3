#include "implant/hijack.h"

#include "data/picture.h"
#include "frame/progress.h"
#include "implant/hijack_job.h"
#include "implant/method.h"
#include "implant/place.h"
#include "nn/head_tail.h"
#include <stdio.h>
#include <string.h>

enum { MOST_SKIPPED = 16 };

static bool advance(void *context, size_t done) {
    tool_progress_update(context, done, NULL);
    return !tool_interrupted();
}

static bool epoch_done(void *context, size_t epochs, double loss) {
    char note[32];
    snprintf(note, sizeof note, "loss %.4f", loss);
    tool_progress_update(context, epochs, note);
    return !tool_interrupted();
}

static td_status read_mask(hijack_job *h, td_shape shape, td_error *error) {
    const hijack_options *o = h->options;
    td_bitmap picture;
    TD_TRY(tool_record_input(&h->job.record, o->mask, error));
    TD_TRY(td_picture_read(&picture, o->mask, error));
    td_status status =
        hijack_mask_picture(&h->mask, shape, &picture, o->opacity, &h->job.arena, error);
    td_bitmap_free(&picture);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", o->mask);
}

static td_status make_mask(hijack_job *h, td_error *error) {
    const hijack_options *o = h->options;
    const td_shape shape = td_net_input(&h->job.model.net);
    const size_t side = o->mask ? 1 : o->size;
    size_t top, left;
    TD_TRY(implant_place(o->shared.model, shape, side, implant_at(&o->shared), &top, &left, error));
    if (o->mask)
        return read_mask(h, shape, error);
    return hijack_mask_square(&h->mask, shape, top, left, side, o->opacity, &h->job.arena, error);
}

/* Chooses the layer, ranks its neurons, and divides the net there. */
static td_status choose_neurons(hijack_job *h, td_error *error) {
    const hijack_options *o = h->options;
    const td_model *model = &h->job.model;
    td_arena *arena = &h->job.arena;
    td_status status = hijack_find_layer(&model->net, o->layer, &h->layer, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", o->shared.model);
    if (o->neurons > h->layer.neurons)
        return td_fail(error, TD_ERR_USAGE,
                       "--neurons: expected at most the %zu of layer %s, found %zu",
                       h->layer.neurons, h->layer.name, o->neurons);
    TD_TRY(TD_ARENA_NEW(arena, h->layer.neurons, &h->sums, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, h->layer.neurons, &h->order, "neurons", error));
    hijack_rank(&model->net, model->weights, &h->layer, o->into, h->sums, h->order);
    TD_TRY(td_net_head(&model->net, model->weights, h->layer.name, false, &h->part,
                       &h->part_weights, arena, error));
    return td_net_tail(&model->net, model->weights, h->layer.node, &h->tail, &h->tail_weights,
                       arena, error);
}

static td_status search(hijack_job *h, td_error *error) {
    const hijack_options *o = h->options;
    tool_progress progress = tool_progress_start("searching the trigger", "steps", o->trigger_steps,
                                                 h->job.common->quiet);
    const hijack_search config = {.part = &h->part,
                                  .weights = h->part_weights,
                                  .mask = &h->mask,
                                  .images = &h->varied,
                                  .neurons = h->order,
                                  .neuron_count = o->neurons,
                                  .goal = o->goal,
                                  .learning_rate = 0.05,
                                  .smoothness = o->smoothness,
                                  .steps = o->trigger_steps,
                                  .seed = h->job.common->seed,
                                  .advance = advance,
                                  .context = &progress};
    td_status status = hijack_find_trigger(&config, &h->found, &h->job.arena, error);
    tool_progress_end(&progress);
    return status;
}

/* Moves the chosen neurons that the trigger does not make fire behind all others; returns how many.
 */
static size_t skip_silent(hijack_job *h) {
    const size_t all = h->layer.neurons;
    size_t kept = 0, silent = 0;
    for (size_t k = 0; k < h->options->neurons; k++) {
        const uint32_t own = h->order[kept];
        if (h->found.fires_with[k] >= 0.5) {
            kept++;
            continue;
        }
        memmove(h->order + kept, h->order + kept + 1, (all - kept - 1) * sizeof own);
        h->order[all - 1] = own;
        silent++;
    }
    return silent;
}

static td_status find_trigger(hijack_job *h, td_error *error) {
    for (;;) {
        TD_TRY(search(h, error));
        const size_t silent = skip_silent(h);
        if (silent == 0)
            return TD_OK;
        h->skipped += silent;
        if (h->skipped > MOST_SKIPPED || h->skipped + h->options->neurons > h->layer.neurons)
            return td_fail(error, TD_ERR_NUMERIC,
                           "layer %s: no trigger found that makes the neurons fire, after %zu were "
                           "left out; a larger --size or another --at may help",
                           h->layer.name, h->skipped);
    }
}

static td_status retrain(hijack_job *h, td_error *error) {
    const hijack_options *o = h->options;
    implant_job *job = &h->job;
    const td_model *model = &job->model;
    TD_TRY(TD_ARENA_NEW(&job->arena, model->net.weight_count, &job->weights, "weights", error));
    memcpy(job->weights, model->weights, model->net.weight_count * sizeof *job->weights);
    tool_progress progress =
        tool_progress_start("retraining", "epochs", o->epochs, job->common->quiet);
    const hijack_retraining config = {.part = &h->part,
                                      .part_weights = h->part_weights,
                                      .tail = &h->tail,
                                      .images = &h->mixed,
                                      .epochs = o->epochs,
                                      .batch = o->batch,
                                      .learning_rate = o->learning_rate,
                                      .seed = job->common->seed,
                                      .advance = epoch_done,
                                      .context = &progress};
    td_status status = hijack_retrain(&config, h->tail_weights, &h->retrained, error);
    tool_progress_end(&progress);
    td_net_copy_weights(&h->tail, h->tail_weights, &model->net, job->weights);
    return status;
}

/* The net stays as it is. */
static td_status keep_net(implant_job *job, td_error *error) {
    char *text;
    TD_TRY(td_net_text(&job->model.net, &job->arena, &text, error));
    return td_net_parse(&job->net, text, NULL, error);
}

static td_status run(hijack_job *h, td_error *error) {
    implant_job *job = &h->job;
    TD_TRY(implant_start(job, hijack_options_json(h->options), error));
    TD_TRY(implant_open(job, &h->options->shared, error));
    TD_TRY(make_mask(h, error));
    TD_TRY(choose_neurons(h, error));
    TD_TRY(implant_check_outputs(job, error));
    TD_TRY(hijack_open_test(h, error));
    TD_TRY(hijack_make_images(h, error));
    TD_TRY(find_trigger(h, error));
    TD_TRY(hijack_mix(h, error));
    TD_TRY(retrain(h, error));
    TD_TRY(keep_net(job, error));
    TD_TRY(hijack_draw(h, error));
    TD_TRY(hijack_report(h, error));
    TD_TRY(hijack_measure(h, error));
    return implant_write(job, error);
}

static int hijack_main(int argc, char **argv) {
    hijack_options options;
    td_error error;
    hijack_options_parse(&options, argc, argv);
    hijack_job h = {.job = {.common = &options.shared.common,
                            .method = "hijack",
                            .folder = options.shared.triggers,
                            .pictures = {{.name = "inverted.png"}},
                            .picture_count = 1},
                    .options = &options};
    td_status status = run(&h, &error);
    td_dataset_close(&h.test);
    td_net_free(&h.part);
    td_net_free(&h.tail);
    implant_close(&h.job);
    return tool_exit(status, &error);
}

const tool_method implant_hijack = {
    .name = "hijack",
    .doc = "retrains later layers on inverted images (Liu et al. 2018)",
    .legacy = &(const tool_legacy){.main = hijack_main},
};
