#include "frame/predict.h"
#include "implant/hijack_job.h"
#include "nn/feed.h"

td_status hijack_open_test(hijack_job *h, td_error *error) {
    const tool_common *common = h->job.common;
    const td_net *net = &h->job.model.net;
    const char *name = h->options->test;
    if (!name)
        return TD_OK;
    TD_TRY(td_dataset_open(&h->test, name, "test", common->data_dir, error));
    TD_TRY(tool_record_dataset(&h->job.record, &h->test, error));
    td_status status = td_feed_check(net, &h->test.images, error);
    if (status == TD_OK && h->test.images.classes > td_net_classes(net))
        status =
            td_fail(error, TD_ERR_USAGE, "expected at most the %zu classes of the model, found %zu",
                    td_net_classes(net), h->test.images.classes);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", name);
}

/* Accuracy on the images, and the ASR on the same with the trigger. */
static td_status judge(hijack_job *h, const float *weights, const td_images *stamped,
                       tool_pass *pass, int32_t *predicted, hijack_figures *out, td_error *error) {
    const td_net *net = &h->job.model.net;
    const td_images *images = &h->test.images;
    const int32_t target = (int32_t)h->job.triggers[0].target;
    TD_TRY(tool_predict_classes(net, weights, images, pass, predicted, error));
    out->accuracy = td_accuracy(predicted, images->labels, images->count);
    TD_TRY(tool_predict_classes(net, weights, stamped, pass, predicted, error));
    out->asr = td_asr(predicted, images->labels, images->count, target);
    return TD_OK;
}

static td_status judge_both(hijack_job *h, td_error *error) {
    const td_images *images = &h->test.images;
    td_images stamped = *images;
    uint8_t *pixels;
    int32_t *predicted;
    TD_TRY(td_arena_alloc(&h->job.arena, images->count, td_image_size(images), (void **)&pixels,
                          "images with the trigger", error));
    TD_TRY(TD_ARENA_NEW(&h->job.arena, images->count, &predicted, "predictions", error));
    hijack_stamp_all(&h->mask, h->found.pattern, images, pixels);
    stamped.pixels = pixels;
    tool_pass pass = tool_pass_start("measuring", 4 * images->count, h->job.common->quiet);
    td_status status =
        judge(h, h->job.model.weights, &stamped, &pass, predicted, &h->before, error);
    if (status == TD_OK)
        status = judge(h, h->job.weights, &stamped, &pass, predicted, &h->after, error);
    tool_pass_end(&pass);
    return status;
}

static json_t *figures_json(const hijack_figures *figures) {
    json_t *json = json_object();
    tool_json_rate(json, "accuracy", &figures->accuracy);
    tool_json_rate(json, "asr", &figures->asr);
    return json;
}

td_status hijack_measure(hijack_job *h, td_error *error) {
    if (!h->options->test)
        return TD_OK;
    TD_TRY(judge_both(h, error));
    json_t *json = json_pack("{so sI so so}", "data", tool_json_text(h->options->test), "images",
                             (json_int_t)h->test.images.count, "before", figures_json(&h->before),
                             "after", figures_json(&h->after));
    if (!json || json_object_set_new(h->job.record.root, "test", json) != 0)
        return td_fail_memory(error, "the record");
    if (implant_prints(&h->job))
        printf("  accuracy  %6.2f %%  before %.2f %%\n"
               "  ASR       %6.2f %%  before %.2f %%\n",
               100 * h->after.accuracy.value, 100 * h->before.accuracy.value,
               100 * h->after.asr.value, 100 * h->before.asr.value);
    return TD_OK;
}
