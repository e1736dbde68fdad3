#include "defend/repair/repair.h"

#include "base/size.h"
#include "frame/progress.h"
#include "frame/trigger.h"
#include "defend/hygiene.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include <string.h>

enum { BATCH = 128 };

td_status repair_check_data(const td_dataset *data, const td_net *net, td_error *error) {
    if (data->images.count == 0)
        return td_fail(error, TD_ERR_USAGE, "%s: expected images, found none", data->name);
    td_status status = td_feed_check(net, &data->images, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", data->name);
    if (data->images.classes <= td_net_classes(net))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected at most the %zu classes that the model tells apart, found %zu",
                   data->name, td_net_classes(net), data->images.classes);
}

td_status repair_open_data(td_dataset *data, const repair_options *o, const char *text,
                           const char *split, const td_net *net, tool_record *record,
                           td_error *error) {
    TD_TRY(td_dataset_open(data, text, split, o->common.data_dir, error));
    TD_TRY(tool_record_dataset(record, data, error));
    return net ? repair_check_data(data, net, error) : TD_OK;
}

static td_status open_backdoor(repair_judge *judge, size_t number, const td_net *net,
                               tool_record *record, td_error *error) {
    const repair_options *o = judge->options;
    const td_shape shape = td_net_input(net);
    const size_t classes = td_net_classes(net);
    const td_images none = {.height = shape.height,
                            .width = shape.width,
                            .channels = shape.channels,
                            .classes = classes};
    repair_backdoor *backdoor = &judge->backdoors[judge->backdoor_count++];
    backdoor->target = o->targets[number];
    if (backdoor->target >= classes)
        return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                       classes - 1, backdoor->target);
    TD_TRY(td_trigger_parse(&backdoor->trigger, o->triggers[number], error));
    TD_TRY(tool_trigger_record(backdoor->trigger, record, error));
    return tool_trigger_bind(backdoor->trigger, o->test ? &judge->test.images : &none,
                             o->common.quiet, error);
}

td_status repair_open(repair_judge *judge, const repair_options *options, const td_net *net,
                      tool_record *record, td_error *error) {
    *judge = (repair_judge){.options = options};
    if (options->test)
        TD_TRY(repair_open_data(&judge->test, options, options->test, "test", net, record, error));
    for (size_t i = 0; i < options->trigger_count; i++)
        TD_TRY(open_backdoor(judge, i, net, record, error));
    return TD_OK;
}

void repair_close(repair_judge *judge) {
    for (size_t i = 0; i < judge->backdoor_count; i++)
        td_trigger_free(judge->backdoors[i].trigger);
    td_dataset_close(&judge->test);
    td_arena_free(&judge->arena);
    *judge = (repair_judge){0};
}

td_status repair_gather(const td_images *images, const uint32_t *numbers, size_t count,
                        td_arena *arena, td_images *out, td_error *error) {
    const size_t size = td_image_size(images);
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(td_arena_alloc(arena, count, size, (void **)&pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &labels, "labels", error));
    for (size_t i = 0; i < count; i++) {
        memcpy(pixels + i * size, td_image(images, numbers[i]), size);
        labels[i] = images->labels[numbers[i]];
    }
    *out = *images;
    out->count = count;
    out->pixels = pixels;
    out->labels = labels;
    return TD_OK;
}

td_status repair_clean(const repair_judge *judge, const td_dataset *clean, const char *option,
                       td_arena *arena, td_images *out, td_error *error) {
    const hygiene_words words = {option, "repairs", judge->options->common.quiet};
    uint32_t *kept;
    size_t count;
    *out = clean->images;
    if (!judge->options->test)
        return TD_OK;
    TD_TRY(hygiene_check(clean, &words, &judge->test, 1, arena, &kept, &count, error));
    return count == clean->images.count
               ? TD_OK
               : repair_gather(&clean->images, kept, count, arena, out, error);
}

/* One model at work on --test. */
typedef struct bench {
    const repair_judge *judge;
    td_exec *exec;
    size_t classes;
    int32_t *predicted;
    tool_progress progress;
    size_t done;
} bench;

/* The classes of all images, stamped where there is a trigger. */
static td_status predict(bench *b, const td_trigger *trigger, td_error *error) {
    const td_dataset *test = &b->judge->test;
    const uint64_t seed = b->judge->options->common.seed;
    for (size_t first = 0; first < test->images.count; first += BATCH) {
        const size_t count = td_size_min(BATCH, test->images.count - first);
        td_images images = td_images_slice(&test->images, first, first + count);
        td_arena arena = {0};
        td_status status = TD_OK;
        if (trigger)
            status = td_trigger_stamp(trigger, &images, (td_stamp){seed, test->first + first},
                                      &arena, &images, error);
        if (status == TD_OK)
            td_feed(&images, NULL, 0, count, td_exec_input(b->exec));
        td_arena_free(&arena);
        TD_TRY(status);
        const float *logits = td_exec_forward(b->exec, count);
        for (size_t i = 0; i < count; i++)
            b->predicted[first + i] = td_argmax(logits + i * b->classes, b->classes);
        b->done += count;
        tool_progress_update(&b->progress, b->done, NULL);
        if (tool_interrupted())
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted while measuring %s",
                           b->progress.what);
    }
    return TD_OK;
}

static td_status measure(bench *b, repair_figures *figures, td_error *error) {
    const td_images *images = &b->judge->test.images;
    TD_TRY(predict(b, NULL, error));
    figures->accuracy = td_accuracy(b->predicted, images->labels, images->count);
    for (size_t i = 0; i < images->count; i++) {
        td_rate *rate = &figures->classes[images->labels[i]];
        rate->trials++;
        rate->hits += b->predicted[i] == images->labels[i];
    }
    for (size_t c = 0; c < figures->class_count; c++)
        figures->classes[c] = td_rate_of(figures->classes[c].hits, figures->classes[c].trials);
    for (size_t k = 0; k < b->judge->backdoor_count; k++) {
        const repair_backdoor *backdoor = &b->judge->backdoors[k];
        TD_TRY(predict(b, backdoor->trigger, error));
        figures->attacks[k] = (repair_attack){
            td_asr(b->predicted, images->labels, images->count, (int32_t)backdoor->target),
            td_accuracy(b->predicted, images->labels, images->count)};
    }
    return TD_OK;
}

td_status repair_measure(repair_judge *judge, const char *what, const td_net *net,
                         const float *weights, repair_figures *figures, td_error *error) {
    const size_t images = judge->test.images.count;
    bench b = {.judge = judge, .classes = td_net_classes(net)};
    *figures = (repair_figures){.class_count = b.classes};
    if (!judge->options->test)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&judge->arena, b.classes, &figures->classes, "rates", error));
    TD_TRY(TD_ARENA_NEW(&judge->arena, images, &b.predicted, "predictions", error));
    TD_TRY(td_exec_new(&b.exec, net, BATCH, TD_FORWARD, error));
    td_exec_weights(b.exec, weights);
    b.progress = tool_progress_start(what, "images", (judge->backdoor_count + 1) * images,
                                     judge->options->common.quiet);
    td_status status = measure(&b, figures, error);
    tool_progress_end(&b.progress);
    td_exec_free(b.exec);
    return status;
}
