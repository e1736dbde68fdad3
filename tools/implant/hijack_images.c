#include "frame/predict.h"
#include "implant/hijack_job.h"
#include "nn/invert.h"
#include "nn/loss.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool advance(void *context, size_t done) {
    tool_progress_update(context, done, NULL);
    return !tool_interrupted();
}

/* The model with its logits divided by the temperature; it has the same weights. */
static td_status cool(const td_net *net, double temperature, td_arena *arena, td_net *out,
                      td_error *error) {
    char *own, *text = NULL, name[32] = "cooled";
    size_t size = 0;
    TD_TRY(td_net_text(net, arena, &own, error));
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return td_fail_memory(error, "a net's text");
    for (size_t i = 0; i < net->node_count; i++)
        if (strncmp(net->nodes[i].name, "cooled", 6) == 0)
            snprintf(name, sizeof name, "cooled%zu", net->node_count);
    fprintf(stream, "%s%s = scale(%s) by=%.17g\n", own, name, net->nodes[net->node_count - 1].name,
            1 / temperature);
    fclose(stream);
    td_status status = td_net_parse(out, text, NULL, error);
    free(text);
    return status;
}

static td_status invert(hijack_job *h, td_error *error) {
    const hijack_options *o = h->options;
    const td_model *model = &h->job.model;
    const size_t all = td_net_classes(&model->net) * o->images;
    td_inverted made;
    td_net cooled;
    TD_TRY(cool(&model->net, o->temperature, &h->job.arena, &cooled, error));
    tool_progress progress = tool_progress_start("making images of the classes", "steps",
                                                 all * o->image_steps, h->job.common->quiet);
    td_invert_settings settings = td_invert_defaults;
    settings.per_class = o->images;
    settings.steps = o->image_steps;
    settings.seed = h->job.common->seed;
    settings.advance = advance;
    settings.context = &progress;
    td_status status = td_invert(&cooled, model->weights, &settings, &h->job.arena, &made, error);
    tool_progress_end(&progress);
    td_net_free(&cooled);
    h->made = made.images;
    return status;
}

/* How sure the model itself is of the images made. */
static td_status judge(hijack_job *h, td_error *error) {
    const td_model *model = &h->job.model;
    const size_t classes = td_net_classes(&model->net);
    float *logits;
    TD_TRY(TD_ARENA_NEW(&h->job.arena, classes, &h->sure, "images", error));
    TD_TRY(
        tool_predict(&model->net, model->weights, &h->made, NULL, &h->job.arena, &logits, error));
    td_softmax(logits, h->made.count, classes, logits);
    for (size_t i = 0; i < h->made.count; i++) {
        const size_t own = (size_t)h->made.labels[i];
        h->sure[own] += (double)logits[i * classes + own] / (double)h->options->images;
    }
    return TD_OK;
}

/* Variants are of the class that the model gives them, which may be another than the image's. */
static td_status vary(hijack_job *h, td_error *error) {
    const td_model *model = &h->job.model;
    const size_t copies = h->options->copies;
    td_arena *arena = &h->job.arena;
    uint8_t *pixels;
    int32_t *labels;
    h->varied = h->made;
    h->varied.count *= copies;
    TD_TRY(td_arena_alloc(arena, h->varied.count, td_image_size(&h->made), (void **)&pixels,
                          "images", error));
    TD_TRY(TD_ARENA_NEW(arena, h->varied.count, &labels, "images", error));
    hijack_vary(&h->made, copies, h->job.common->seed, pixels);
    h->varied.pixels = pixels;
    h->varied.labels = labels;
    return tool_predict_classes(&model->net, model->weights, &h->varied, NULL, labels, error);
}

td_status hijack_make_images(hijack_job *h, td_error *error) {
    TD_TRY(invert(h, error));
    TD_TRY(judge(h, error));
    return vary(h, error);
}

td_status hijack_mix(hijack_job *h, td_error *error) {
    const size_t size = td_image_size(&h->varied), count = h->varied.count;
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(td_arena_alloc(&h->job.arena, 2 * count, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(&h->job.arena, 2 * count, &labels, "images", error));
    memcpy(pixels, h->varied.pixels, count * size);
    memcpy(labels, h->varied.labels, count * sizeof *labels);
    hijack_stamp_all(&h->mask, h->found.pattern, &h->varied, pixels + count * size);
    for (size_t i = 0; i < count; i++)
        labels[count + i] = (int32_t)h->job.triggers[0].target;
    h->mixed = h->varied;
    h->mixed.count = 2 * count;
    h->mixed.pixels = pixels;
    h->mixed.labels = labels;
    return TD_OK;
}
