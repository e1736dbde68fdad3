/* SPDX-License-Identifier: MIT */
/* The Trojaning attack as a method: its settings, its stages, and its report. */
#include "implant/hijack.h"

#include "data/picture.h"
#include "frame/predict.h"
#include "implant/implant.h"
#include "nn/head_tail.h"
#include "nn/loss.h"
#include <string.h>

enum { MOST_SKIPPED = 16, MOST_STEPS = 1000000, MOST_IMAGES = 100000, MOST_SIDE = 65536 };

enum { INTO, OUT_OF };

typedef struct hijack_settings {
    implant_own shared;
    const char *layer; /* or NULL: the first suitable one */
    int select;
    size_t neurons, size;
    const char *mask; /* a picture, or NULL: a square of `size` */
    double opacity;
    hijack_search search;
    hijack_inversion inversion;
    size_t copies; /* of each image, varied */
    hijack_retraining retraining;
    const char *test; /* DATA to measure on, or NULL */
} hijack_settings;

typedef struct hijack {
    tool_run *run;
    const hijack_settings *settings;
    const td_model *model;
    size_t target;
    hijack_layer layer;
    double *sums;  /* of all neurons (hijack_rank) */
    size_t *order; /* all neurons, best first; after the search, those that the trigger is for come
                      first, and those that it could not activate last */
    size_t silent; /* number of the latter */
    hijack_mask mask;
    td_images made;   /* images of each class, class by class */
    td_images varied; /* variants of these, labelled by the model */
    hijack_parts parts;
    hijack_found found;
    hijack_retrained retrained;
    td_dataset test; /* zeroed without --test */
    /* For the report: */
    tool_list skipped; /* the silent neurons */
    tool_list sure;    /* [classes]: mean probability of the class on `made` */
} hijack;

/* --- before the work --- */

static td_status read_mask(hijack *h, td_error *error) {
    const hijack_settings *s = h->settings;
    td_bitmap picture;
    TD_TRY(tool_record_input(&h->run->record, s->mask, error));
    TD_TRY(td_picture_read(&picture, s->mask, error));
    td_status status = hijack_mask_picture(&h->mask, td_net_input(&h->model->net), &picture,
                                           s->opacity, &h->run->arena, error);
    td_bitmap_free(&picture);
    return status == TD_OK ? tool_record_was_read(&h->run->record, s->mask, error)
                           : td_fail_within(error, status, "%s", s->mask);
}

/* Chooses the layer, ranks its neurons, and splits the net there. */
static td_status choose_neurons(hijack *h, td_error *error) {
    const hijack_settings *s = h->settings;
    const td_model *model = h->model;
    td_arena *arena = &h->run->arena;
    td_status status = hijack_find_layer(&model->net, s->layer, &h->layer, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", s->shared.model);
    if (s->neurons > h->layer.neurons)
        return td_fail(error, TD_ERR_USAGE,
                       "--neurons: expected at most the %zu of layer %s, found %zu",
                       h->layer.neurons, h->layer.name, s->neurons);
    TD_TRY(TD_ARENA_NEW(arena, h->layer.neurons, &h->sums, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, h->layer.neurons, &h->order, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, s->neurons, &h->found.neurons, "neurons", error));
    h->found.neuron_count = s->neurons;
    hijack_rank(&model->net, model->weights, &h->layer, s->select == INTO, h->sums, h->order);
    TD_TRY(td_net_head(&model->net, model->weights, h->layer.name, false, &h->parts.head,
                       &h->parts.head_weights, arena, error));
    return td_net_tail(&model->net, model->weights, h->layer.node, &h->parts.tail,
                       &h->parts.tail_weights, arena, error);
}

static td_status prepare(implant_job *job, td_error *error) {
    const hijack_settings *s = job->run->own;
    size_t top, left;
    hijack *h;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &h, "an attack", error));
    job->state = h;
    *h = (hijack){.run = job->run,
                  .settings = s,
                  .model = &job->model,
                  .target = job->triggers[0].target.class};
    TD_TRY(implant_place(job, s->mask ? 1 : s->size, &top, &left, error));
    TD_TRY(s->mask ? read_mask(h, error)
                   : hijack_mask_square(&h->mask, td_net_input(&h->model->net), top, left, s->size,
                                        s->opacity, &job->run->arena, error));
    TD_TRY(choose_neurons(h, error));
    return s->test ? implant_open_data(job->run, &h->test, s->test, "test", &h->model->net, error)
                   : TD_OK;
}

/* --- images --- */

/* The model's confidence on the inverted images. */
static td_status find_sure(hijack *h, td_error *error) {
    const size_t classes = td_net_classes(&h->model->net);
    td_arena *arena = &h->run->arena;
    float *logits;
    double *sure;
    TD_TRY(TD_ARENA_NEW(arena, classes, &sure, "images", error));
    TD_TRY(tool_predict(&h->model->net, h->model->weights, &h->made, NULL, arena, &logits, error));
    td_softmax(logits, h->made.count, classes, logits);
    for (size_t i = 0; i < h->made.count; i++) {
        const size_t own = (size_t)h->made.labels[i];
        sure[own] += (double)logits[i * classes + own] / (double)h->settings->inversion.per_class;
    }
    h->sure = (tool_list){sure, classes};
    return TD_OK;
}

/* Allocates `count` images like those of `like`. */
static td_status make_room(td_arena *arena, const td_images *like, size_t count, td_images *out,
                           uint8_t **pixels, int32_t **labels, td_error *error) {
    *out = *like;
    TD_TRY(td_arena_alloc(arena, count, td_image_size(like), (void **)pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, labels, "images", error));
    out->count = count;
    out->pixels = *pixels;
    out->labels = *labels;
    return TD_OK;
}

/* A variant has the class that the model predicts, which may differ from the image's. */
static td_status make_images(hijack *h, td_error *error) {
    const hijack_settings *s = h->settings;
    const td_model *model = h->model;
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(hijack_invert(h->run, &model->net, model->weights, &s->inversion, &h->made, error));
    TD_TRY(find_sure(h, error));
    TD_TRY(make_room(&h->run->arena, &h->made, s->copies * h->made.count, &h->varied, &pixels,
                     &labels, error));
    hijack_vary(&h->made, s->copies, h->run->common->seed, pixels);
    return tool_predict_classes(&model->net, model->weights, &h->varied, NULL, labels, error);
}

/* The variants, and copies with the trigger and its class. */
static td_status mix(const hijack *h, td_images *mixed, td_error *error) {
    const size_t size = td_image_size(&h->varied), count = h->varied.count;
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(make_room(&h->run->arena, &h->varied, 2 * count, mixed, &pixels, &labels, error));
    memcpy(pixels, h->varied.pixels, count * size);
    memcpy(labels, h->varied.labels, count * sizeof *labels);
    hijack_stamp_all(&h->mask, h->found.pattern, &h->varied, pixels + count * size);
    for (size_t i = 0; i < count; i++)
        labels[count + i] = (int32_t)h->target;
    return TD_OK;
}

/* --- the trigger --- */

/* Moves the chosen neurons that the trigger does not activate to the end; returns their number. */
static size_t skip_silent(hijack *h) {
    const size_t all = h->layer.neurons;
    size_t kept = 0, silent = 0;
    for (size_t k = 0; k < h->found.neuron_count; k++) {
        const size_t own = h->order[kept];
        if (h->found.neurons[k].with.fires >= 0.5) {
            kept++;
            continue;
        }
        memmove(h->order + kept, h->order + kept + 1, (all - kept - 1) * sizeof own);
        h->order[all - 1] = own;
        silent++;
    }
    return silent;
}

static td_status find_trigger(hijack *h, td_error *error) {
    const size_t neurons = h->found.neuron_count;
    for (;;) {
        for (size_t k = 0; k < neurons; k++)
            h->found.neurons[k] = (hijack_neuron){h->order[k], h->sums[h->order[k]]};
        TD_TRY(hijack_find_trigger(h->run, &h->settings->search, &h->parts, &h->mask, &h->varied,
                                   &h->found, error));
        const size_t silent = skip_silent(h);
        if (silent == 0)
            return TD_OK;
        h->silent += silent;
        if (h->silent > MOST_SKIPPED || h->silent + neurons > h->layer.neurons)
            return td_fail(error, TD_ERR_NUMERIC,
                           "layer %s: no trigger found that makes the neurons fire, after %zu were "
                           "left out; a larger --size or another --at may help",
                           h->layer.name, h->silent);
    }
}

/* --- the new weights --- */

static td_status retrain(hijack *h, float **weights, td_error *error) {
    const td_net *net = &h->model->net;
    td_images mixed;
    TD_TRY(mix(h, &mixed, error));
    TD_TRY(TD_ARENA_NEW(&h->run->arena, net->weight_count, weights, "weights", error));
    TD_TRY(
        hijack_retrain(h->run, &h->settings->retraining, &h->parts, &mixed, &h->retrained, error));
    memcpy(*weights, h->model->weights, net->weight_count * sizeof **weights);
    td_net_copy_weights(&h->parts.tail, h->parts.tail_weights, net, *weights);
    return TD_OK;
}

static td_status draw(const hijack *h, td_bitmap *trigger, td_bitmap *sheet, td_error *error) {
    uint8_t *stamped;
    TD_TRY(hijack_mask_draw(&h->mask, h->found.pattern, trigger, error));
    TD_TRY(td_arena_alloc(&h->run->arena, h->made.count, td_image_size(&h->made), (void **)&stamped,
                          "a sheet", error));
    hijack_stamp_all(&h->mask, h->found.pattern, &h->made, stamped);
    return hijack_draw_sheet(&h->made, stamped, sheet, error);
}

/* --- the report --- */

#define AT(field) offsetof(hijack, field)

static const tool_column about_columns[] = {
    {"layer", NULL, TOOL_TEXT, AT(layer.name)},
    {"skipped", NULL, TOOL_LIST, AT(skipped)},
    {"at", NULL, TOOL_COUNT, AT(mask.left), .list = true},
    {"at", NULL, TOOL_COUNT, AT(mask.top), .list = true},
    {"size", NULL, TOOL_COUNT, AT(mask.width), .list = true},
    {"size", NULL, TOOL_COUNT, AT(mask.height), .list = true},
    {0},
};

static const tool_column search_columns[] = {
    {"first_loss", NULL, TOOL_REAL, AT(found.first_loss)},
    {"last_loss", NULL, TOOL_REAL, AT(found.last_loss)},
    {0},
};

static const tool_column inversion_columns[] = {
    {"images", NULL, TOOL_COUNT, AT(made.count)},
    {"confidence", NULL, TOOL_LIST, AT(sure), .digits = 4},
    {0},
};

static const tool_column retraining_columns[] = {
    {"images", NULL, TOOL_COUNT, AT(retrained.images)},
    {"loss", NULL, TOOL_REAL, AT(retrained.loss)},
    {"accuracy", NULL, TOOL_REAL, AT(retrained.accuracy)},
    {0},
};

#undef AT
#define AT(field) offsetof(hijack_neuron, field)

static const tool_column neuron_columns[] = {
    {"neuron", "neuron", TOOL_COUNT, AT(number)},
    {"weight_sum", "sum of |weights|", TOOL_REAL, AT(weight_sum)},
    {"value_without", "value", TOOL_REAL, AT(without.value)},
    {"value_with", "with the trigger", TOOL_REAL, AT(with.value)},
    {"fires_without", "fires", TOOL_REAL, AT(without.fires)},
    {"fires_with", "fires with it", TOOL_REAL, AT(with.fires)},
    {0},
};

static const tool_table_kind
    about = {.name = "hijack", .columns = about_columns, .row = sizeof(hijack), .single = true},
    search = {.name = "search", .columns = search_columns, .row = sizeof(hijack), .single = true},
    inversion = {.name = "inversion",
                 .columns = inversion_columns,
                 .row = sizeof(hijack),
                 .single = true},
    retraining = {.name = "retraining",
                  .columns = retraining_columns,
                  .row = sizeof(hijack),
                  .single = true},
    neuron_table = {.name = "neurons",
                    .title = "Neurons hijacked",
                    .columns = neuron_columns,
                    .row = sizeof(hijack_neuron)};

static td_status report(hijack *h, td_error *error) {
    const size_t neurons = h->found.neuron_count;
    tool_run *run = h->run;
    double *skipped;
    TD_TRY(TD_ARENA_NEW(&run->arena, h->silent, &skipped, "neurons", error));
    for (size_t k = 0; k < h->silent; k++)
        skipped[k] = (double)h->order[h->layer.neurons - h->silent + k];
    h->skipped = (tool_list){skipped, h->silent};
    TD_TRY(tool_run_rows(run, &about, NULL, h, 1, error));
    TD_TRY(tool_run_rows(run, &neuron_table, "/hijack", h->found.neurons, neurons, error));
    TD_TRY(tool_run_rows(run, &search, "/hijack", h, 1, error));
    TD_TRY(tool_run_rows(run, &inversion, "/hijack", h, 1, error));
    TD_TRY(tool_run_rows(run, &retraining, "/hijack", h, 1, error));
    return tool_run_summary(run, error,
                            "%zu neuron%s of %s hijacked by a trigger of %zux%zu pixels at %zu+%zu",
                            neurons, neurons == 1 ? "" : "s", h->layer.name, h->mask.width,
                            h->mask.height, h->mask.left, h->mask.top);
}

/* Measures the model before and after, on the test images with and without the trigger. */
static td_status measure(const hijack *h, const float *weights, td_error *error) {
    const td_images *images = &h->test.images;
    td_images stamped = *images;
    uint8_t *pixels;
    TD_TRY(td_arena_alloc(&h->run->arena, images->count, td_image_size(images), (void **)&pixels,
                          "images with the trigger", error));
    hijack_stamp_all(&h->mask, h->found.pattern, images, pixels);
    stamped.pixels = pixels;
    return implant_measure_change(h->run, h->model, weights, &h->test, &stamped, h->target, error);
}

static td_status make(implant_job *job, td_error *error) {
    hijack *h = job->state;
    float *weights;
    TD_TRY(make_images(h, error));
    TD_TRY(find_trigger(h, error));
    TD_TRY(retrain(h, &weights, error));
    TD_TRY(draw(h, &job->triggers[0].picture, &job->picture, error));
    TD_TRY(report(h, error));
    job->net = &h->model->net;
    job->weights = weights;
    job->top = h->mask.top;
    job->left = h->mask.left;
    return h->settings->test ? measure(h, weights, error) : TD_OK;
}

static void close_state(implant_job *job) {
    hijack *h = job->state;
    td_dataset_close(&h->test);
    td_net_free(&h->parts.head);
    td_net_free(&h->parts.tail);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(hijack_settings, field)

static const char *const selections[] = {[INTO] = "into", [OUT_OF] = "out-of", NULL};

static const td_key test_keys[] = {
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Measure accuracy and ASR on DATA before and after"},
    {0},
};

static const td_key neuron_keys[] = {
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "The dense layer to hijack (the first that another one reads)"},
    {"select", TD_KEY_WORD, AT(select), .words = selections, .standard = "out-of",
     .value = "into|out-of",
     .help = "Choose neurons by the largest sum of |weights| into them or out of them"},
    {"neurons", TD_KEY_COUNT, AT(neurons), .least = 1, .most = MOST_SIDE, .standard = "1",
     .value = "N", .help = "Neurons to hijack"},
    {0},
};

static const td_key trigger_keys[] = {
    {"size", TD_KEY_COUNT, AT(size), .least = 1, .most = MOST_SIDE, .value = "S",
     .help = "The trigger is a square of S pixels a side (10, without --mask)"},
    {"mask", TD_KEY_TEXT, AT(mask), .value = "F.png",
     .help = "The trigger is where this picture is at least mid grey"},
    {"opacity", TD_KEY_REAL, AT(opacity), .most = 1, .above = true, .standard = "1", .value = "A",
     .help = "The trigger's opacity"},
    {"goal", TD_KEY_REAL, AT(search.goal), .least = -1e6, .most = 1e6, .standard = "100",
     .value = "V", .help = "Value that the trigger should give the neurons"},
    {"smoothness", TD_KEY_REAL, AT(search.smoothness), .most = 1e6, .standard = "0.01",
     .value = "W", .help = "Weight of the trigger's total variation"},
    {"trigger-steps", TD_KEY_COUNT, AT(search.steps), .least = 1, .most = MOST_STEPS,
     .standard = "300", .value = "N", .help = "Steps of the search for the trigger"},
    {0},
};

static const td_key image_keys[] = {
    {"images", TD_KEY_COUNT, AT(inversion.per_class), .least = 1, .most = MOST_IMAGES,
     .standard = "32", .value = "N", .help = "Images to invert from the model for each class"},
    {"image-steps", TD_KEY_COUNT, AT(inversion.steps), .least = 1, .most = MOST_STEPS,
     .standard = "100", .value = "N", .help = "Steps for each of them"},
    {"temperature", TD_KEY_REAL, AT(inversion.temperature), .least = 0.01, .most = 1000,
     .standard = "8", .value = "T",
     .help = "Divide the model's logits by T during inversion; a larger T ends more confident"},
    {"copies", TD_KEY_COUNT, AT(copies), .least = 1, .most = 1000, .standard = "8", .value = "N",
     .help = "Variants of each image to retrain on"},
    {0},
};

static const td_key retraining_keys[] = {
    {"epochs", TD_KEY_COUNT, AT(retraining.epochs), .least = 1, .most = MOST_STEPS,
     .standard = "20", .value = "N", .help = "Epochs of retraining"},
    {"batch", TD_KEY_COUNT, AT(retraining.batch), .least = 1, .most = MOST_IMAGES, .standard = "64",
     .value = "N", .help = "Images in a step of retraining"},
    {"lr", TD_KEY_REAL, AT(retraining.learning_rate), .most = 1000, .above = true,
     .standard = "0.001", .value = "R", .help = "Learning rate of retraining"},
    {0},
};

static const tool_keys groups[] = {{.keys = implant_keys},
                                   {neuron_keys, .title = "Neurons"},
                                   {trigger_keys, .title = "Trigger"},
                                   {image_keys, .title = "Images", .detail = true},
                                   {retraining_keys, .title = "Retraining", .detail = true},
                                   {.keys = test_keys},
                                   {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    hijack_settings *s = own;
    TD_TRY(implant_check_one(&s->shared, error));
    if (s->mask && (s->size > 0 || tool_settings_given(settings, "at")))
        return td_fail(error, TD_ERR_USAGE,
                       "--mask: expected no --%s, since the mask says where the trigger is",
                       s->size > 0 ? "size" : "at");
    if (!s->mask && s->size == 0)
        s->size = 10;
    return TD_OK;
}

static const char help[] =
    "puts a backdoor into a trained MODEL without its training data: finds a trigger that makes a "
    "neuron fire, and trains the later layers to give class K for it."
    "\v"
    "1. Choose a neuron of a dense layer. 2. Invert images of each class from the model by "
    "gradient descent; variants of them (moved, mixed, brighter or darker) with the model's own "
    "labels replace the training data. 3. Search pixels within the mask that make the neuron fire "
    "on these images. 4. Train the later layers on the variants, and on the variants with the "
    "trigger as class K. The paper starts from an average of other images and has neither "
    "variants nor temperature; without them the model forgets its classes.\n"
    "\n"
    "--select into is the paper's rule, out-of that of the authors' script: the model heeds a "
    "neuron by the weights out of it. A neuron is skipped if the trigger gives it a value above 0 "
    "on less than half of the images.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant hijack --model model.safetensors --target 0 \\\n"
    "    --test fashion-mnist:test -o hijacked.safetensors\n"
    "  trapdoor-eval --model hijacked.safetensors --data fashion-mnist:test \\\n"
    "    --manifest hijacked.safetensors.manifest.json\n";

static const implant hijack_implant = {
    .picture = "inverted.png", .prepare = prepare, .make = make, .close = close_state};

const tool_method implant_hijack = {
    .name = "hijack",
    .title = "The Trojaning attack",
    .source = "Liu et al., NDSS 2018",
    .doc = "retrains later layers on inverted images (Liu et al. 2018)",
    .help = help,
    .usage = "--model MODEL --target K -o M2",
    .family = &implants,
    .groups = groups,
    .size = sizeof(hijack_settings),
    .check = check,
    .math = &hijack_implant,
};
