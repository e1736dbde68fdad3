/* The Trojaning attack as a method: its settings, its stages, and what it reports. */
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
    const char *layer; /* or NULL: the first that there is */
    int select;
    size_t neurons, size;
    const char *mask; /* a picture, or NULL: a square of `size` */
    double opacity;
    double goal, smoothness; /* of the trigger's search */
    size_t trigger_steps;
    size_t images, image_steps; /* to be inverted, per class */
    double temperature;
    size_t copies;        /* of each, varied */
    size_t epochs, batch; /* of retraining */
    double learning_rate;
    const char *test; /* DATA to measure on, or NULL */
} hijack_settings;

typedef struct hijack {
    hijack_layer layer;
    double *sums;   /* of all neurons (hijack_rank) */
    size_t *order;  /* all neurons, the best first; where the trigger was found, those that it is
                       for stand first, and those that it could not make fire at the end */
    size_t skipped; /* how many of these */
    hijack_mask mask;
    td_images made;   /* images of each class, class by class */
    double *sure;     /* [classes]: the mean probability that they have of their class */
    td_images varied; /* variants of these, with the classes that the model gives them */
    td_net part, tail;
    float *part_weights, *tail_weights;
    hijack_found found;
    size_t retrained_on; /* images */
    hijack_retrained retrained;
    td_dataset test; /* zeroed without --test */
} hijack;

static const hijack_settings *settings_of(const implant_job *job) {
    return job->run->own;
}

/* --- before the work --- */

static td_status read_mask(implant_job *job, hijack *h, td_error *error) {
    const hijack_settings *s = settings_of(job);
    td_bitmap picture;
    TD_TRY(tool_record_input(&job->run->record, s->mask, error));
    TD_TRY(td_picture_read(&picture, s->mask, error));
    td_status status = hijack_mask_picture(&h->mask, td_net_input(&job->model.net), &picture,
                                           s->opacity, &job->run->arena, error);
    td_bitmap_free(&picture);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", s->mask);
}

static td_status make_mask(implant_job *job, hijack *h, td_error *error) {
    const hijack_settings *s = settings_of(job);
    size_t top, left;
    TD_TRY(implant_place(job, s->mask ? 1 : s->size, &top, &left, error));
    if (s->mask)
        return read_mask(job, h, error);
    return hijack_mask_square(&h->mask, td_net_input(&job->model.net), top, left, s->size,
                              s->opacity, &job->run->arena, error);
}

/* Chooses the layer, ranks its neurons, and divides the net there. */
static td_status choose_neurons(const implant_job *job, hijack *h, td_error *error) {
    const hijack_settings *s = settings_of(job);
    const td_model *model = &job->model;
    td_arena *arena = &job->run->arena;
    td_status status = hijack_find_layer(&model->net, s->layer, &h->layer, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", s->shared.model);
    if (s->neurons > h->layer.neurons)
        return td_fail(error, TD_ERR_USAGE,
                       "--neurons: expected at most the %zu of layer %s, found %zu",
                       h->layer.neurons, h->layer.name, s->neurons);
    TD_TRY(TD_ARENA_NEW(arena, h->layer.neurons, &h->sums, "neurons", error));
    TD_TRY(TD_ARENA_NEW(arena, h->layer.neurons, &h->order, "neurons", error));
    hijack_rank(&model->net, model->weights, &h->layer, s->select == INTO, h->sums, h->order);
    TD_TRY(td_net_head(&model->net, model->weights, h->layer.name, false, &h->part,
                       &h->part_weights, arena, error));
    return td_net_tail(&model->net, model->weights, h->layer.node, &h->tail, &h->tail_weights,
                       arena, error);
}

static td_status prepare(implant_job *job, td_error *error) {
    const hijack_settings *s = settings_of(job);
    hijack *h;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &h, "an attack", error));
    job->state = h;
    TD_TRY(make_mask(job, h, error));
    TD_TRY(choose_neurons(job, h, error));
    return s->test ? implant_open_data(job->run, &h->test, s->test, "test", &job->model.net, error)
                   : TD_OK;
}

/* --- images --- */

/* How sure the model itself is of the images made. */
static td_status find_sure(implant_job *job, hijack *h, td_error *error) {
    const td_model *model = &job->model;
    const size_t classes = td_net_classes(&model->net);
    td_arena *arena = &job->run->arena;
    float *logits;
    TD_TRY(TD_ARENA_NEW(arena, classes, &h->sure, "images", error));
    TD_TRY(tool_predict(&model->net, model->weights, &h->made, NULL, arena, &logits, error));
    td_softmax(logits, h->made.count, classes, logits);
    for (size_t i = 0; i < h->made.count; i++) {
        const size_t own = (size_t)h->made.labels[i];
        h->sure[own] += (double)logits[i * classes + own] / (double)settings_of(job)->images;
    }
    return TD_OK;
}

/* Room for `count` images like `like`. */
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

/* Variants are of the class that the model gives them, which may be another than the image's. */
static td_status vary(implant_job *job, hijack *h, td_error *error) {
    const td_model *model = &job->model;
    const size_t copies = settings_of(job)->copies;
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(make_room(&job->run->arena, &h->made, copies * h->made.count, &h->varied, &pixels,
                     &labels, error));
    hijack_vary(&h->made, copies, job->run->common->seed, pixels);
    return tool_predict_classes(&model->net, model->weights, &h->varied, NULL, labels, error);
}

static td_status make_images(implant_job *job, hijack *h, td_error *error) {
    const hijack_settings *s = settings_of(job);
    const hijack_inversion config = {s->images, s->image_steps, s->temperature,
                                     job->run->common->seed};
    TD_TRY(hijack_invert(job->run, &job->model.net, job->model.weights, &config, &h->made, error));
    TD_TRY(find_sure(job, h, error));
    return vary(job, h, error);
}

/* The variants, and the same with the trigger and its class. */
static td_status mix(const implant_job *job, const hijack *h, td_images *mixed, td_error *error) {
    const size_t size = td_image_size(&h->varied), count = h->varied.count;
    uint8_t *pixels;
    int32_t *labels;
    TD_TRY(make_room(&job->run->arena, &h->varied, 2 * count, mixed, &pixels, &labels, error));
    memcpy(pixels, h->varied.pixels, count * size);
    memcpy(labels, h->varied.labels, count * sizeof *labels);
    hijack_stamp_all(&h->mask, h->found.pattern, &h->varied, pixels + count * size);
    for (size_t i = 0; i < count; i++)
        labels[count + i] = (int32_t)job->triggers[0].target;
    return TD_OK;
}

/* --- the trigger --- */

/* Moves the chosen neurons that the trigger does not make fire behind all others; returns how many.
 */
static size_t skip_silent(hijack *h, size_t neurons) {
    const size_t all = h->layer.neurons;
    size_t kept = 0, silent = 0;
    for (size_t k = 0; k < neurons; k++) {
        const size_t own = h->order[kept];
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

static td_status find_trigger(implant_job *job, hijack *h, td_error *error) {
    const hijack_settings *s = settings_of(job);
    const hijack_search search = {.part = &h->part,
                                  .weights = h->part_weights,
                                  .mask = &h->mask,
                                  .images = &h->varied,
                                  .neurons = h->order,
                                  .neuron_count = s->neurons,
                                  .goal = s->goal,
                                  .learning_rate = 0.05,
                                  .smoothness = s->smoothness,
                                  .steps = s->trigger_steps,
                                  .seed = job->run->common->seed};
    for (;;) {
        TD_TRY(hijack_find_trigger(job->run, &search, &h->found, error));
        const size_t silent = skip_silent(h, s->neurons);
        if (silent == 0)
            return TD_OK;
        h->skipped += silent;
        if (h->skipped > MOST_SKIPPED || h->skipped + s->neurons > h->layer.neurons)
            return td_fail(error, TD_ERR_NUMERIC,
                           "layer %s: no trigger found that makes the neurons fire, after %zu were "
                           "left out; a larger --size or another --at may help",
                           h->layer.name, h->skipped);
    }
}

/* --- the new weights --- */

static td_status retrain(implant_job *job, hijack *h, td_error *error) {
    const hijack_settings *s = settings_of(job);
    const td_net *net = &job->model.net;
    td_images mixed;
    float *weights;
    TD_TRY(mix(job, h, &mixed, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, net->weight_count, &weights, "weights", error));
    const hijack_retraining config = {.part = &h->part,
                                      .part_weights = h->part_weights,
                                      .tail = &h->tail,
                                      .images = &mixed,
                                      .epochs = s->epochs,
                                      .batch = s->batch,
                                      .learning_rate = s->learning_rate,
                                      .seed = job->run->common->seed};
    TD_TRY(hijack_retrain(job->run, &config, h->tail_weights, &h->retrained, error));
    memcpy(weights, job->model.weights, net->weight_count * sizeof *weights);
    td_net_copy_weights(&h->tail, h->tail_weights, net, weights);
    h->retrained_on = mixed.count;
    job->net = net;
    job->weights = weights;
    return TD_OK;
}

static td_status draw(implant_job *job, const hijack *h, td_error *error) {
    implant_trigger *trigger = &job->triggers[0];
    uint8_t *stamped;
    trigger->left = h->mask.left;
    trigger->top = h->mask.top;
    TD_TRY(hijack_mask_draw(&h->mask, h->found.pattern, &trigger->picture, error));
    TD_TRY(td_arena_alloc(&job->run->arena, h->made.count, td_image_size(&h->made),
                          (void **)&stamped, "a sheet", error));
    hijack_stamp_all(&h->mask, h->found.pattern, &h->made, stamped);
    return hijack_draw_sheet(&h->made, stamped, &job->picture, error);
}

/* --- the report --- */

static const tool_column neuron_columns[] = {
    {"neuron", "neuron", .kind = TOOL_COUNT},
    {"weight_sum", "sum of |weights|", .kind = TOOL_REAL},
    {"value_without", "value", .kind = TOOL_REAL},
    {"value_with", "with the trigger", .kind = TOOL_REAL},
    {"fires_without", "fires", .kind = TOOL_REAL},
    {"fires_with", "fires with it", .kind = TOOL_REAL},
    {0},
};

enum { ACCURACY, ASR };

static const tool_column test_columns[] = {
    [ACCURACY] = {"accuracy", "accuracy", .kind = TOOL_RATE},
    [ASR] = {"asr", "ASR", .kind = TOOL_RATE},
    {0},
};

static const tool_table_kind
    neuron_table = {.name = "neurons", .title = "Neurons hijacked", .columns = neuron_columns},
    before_table = {.title = "On the test images, before", .columns = test_columns, .single = true},
    after_table = {.title = "On the test images, after", .columns = test_columns, .single = true};

static td_status report_neurons(implant_job *job, const hijack *h, json_t *about, td_error *error) {
    const hijack_found *f = &h->found;
    tool_table *table;
    tool_cell *row;
    TD_TRY(tool_run_table(job->run, &neuron_table, &table, error));
    table->into = about;
    table->path = "/hijack";
    for (size_t k = 0; k < settings_of(job)->neurons; k++) {
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_count(row++, h->order[k]);
        tool_cell_real(row++, h->sums[h->order[k]]);
        tool_cell_real(row++, f->without[k]);
        tool_cell_real(row++, f->with[k]);
        tool_cell_real(row++, f->fires_without[k]);
        tool_cell_real(row++, f->fires_with[k]);
    }
    return TD_OK;
}

/* What the record and the manifest say of the attack, but for the neurons. */
static json_t *about_json(const hijack *h) {
    const hijack_mask *m = &h->mask;
    json_t *skipped = json_array(), *sure = json_array();
    for (size_t k = h->layer.neurons - h->skipped; k < h->layer.neurons; k++)
        json_array_append_new(skipped, json_integer((json_int_t)h->order[k]));
    for (size_t c = 0; c < h->made.classes; c++)
        json_array_append_new(sure, json_real(h->sure[c]));
    return json_pack("{ss s[] so s[II] s[II] s{sf sf} s{sI so} s{sI sf sf}}", "layer",
                     h->layer.name, "neurons", "skipped", skipped, "at", (json_int_t)m->left,
                     (json_int_t)m->top, "size", (json_int_t)m->width, (json_int_t)m->height,
                     "search", "first_loss", h->found.first_loss, "last_loss", h->found.last_loss,
                     "inversion", "images", (json_int_t)h->made.count, "confidence", sure,
                     "retraining", "images", (json_int_t)h->retrained_on, "loss", h->retrained.loss,
                     "accuracy", (double)h->retrained.correct / (double)h->retrained_on);
}

static td_status report(implant_job *job, const hijack *h, td_error *error) {
    const size_t neurons = settings_of(job)->neurons;
    json_t *about = about_json(h);
    TD_TRY(tool_run_set(job->run, "hijack", about, error));
    TD_TRY(report_neurons(job, h, about, error));
    return tool_run_summary(job->run, error,
                            "%zu neuron%s of %s hijacked by a trigger of %zux%zu pixels at %zu+%zu",
                            neurons, neurons == 1 ? "" : "s", h->layer.name, h->mask.width,
                            h->mask.height, h->mask.left, h->mask.top);
}

static td_status add_figures(tool_run *run, const tool_table_kind *kind, json_t *into,
                             const char *path, const implant_figures *figures, td_error *error) {
    tool_table *table;
    tool_cell *row;
    TD_TRY(tool_run_table(run, kind, &table, error));
    table->into = into;
    table->path = path;
    TD_TRY(tool_run_row(run, table, &row, error));
    tool_cell_rate(&row[ACCURACY], figures->accuracy);
    tool_cell_rate(&row[ASR], figures->asr);
    return TD_OK;
}

/* The model before and after, on the test images and on the same with the trigger. */
static td_status measure(implant_job *job, const hijack *h, td_error *error) {
    const td_images *images = &h->test.images;
    const size_t target = job->triggers[0].target;
    tool_run *run = job->run;
    td_images stamped = *images;
    implant_figures before, after;
    uint8_t *pixels;
    TD_TRY(td_arena_alloc(&run->arena, images->count, td_image_size(images), (void **)&pixels,
                          "images with the trigger", error));
    hijack_stamp_all(&h->mask, h->found.pattern, images, pixels);
    stamped.pixels = pixels;
    TD_TRY(implant_measure(run, job->net, job->model.weights, images, &stamped, target, &before,
                           error));
    TD_TRY(implant_measure(run, job->net, job->weights, images, &stamped, target, &after, error));
    json_t *json = json_pack("{so sI s{} s{}}", "data", tool_json_text(settings_of(job)->test),
                             "images", (json_int_t)images->count, "before", "after");
    TD_TRY(tool_run_set(run, "test", json, error));
    TD_TRY(add_figures(run, &before_table, json_object_get(json, "before"), "/test/before", &before,
                       error));
    return add_figures(run, &after_table, json_object_get(json, "after"), "/test/after", &after,
                       error);
}

static td_status make(implant_job *job, td_error *error) {
    hijack *h = job->state;
    TD_TRY(make_images(job, h, error));
    TD_TRY(find_trigger(job, h, error));
    TD_TRY(retrain(job, h, error));
    TD_TRY(draw(job, h, error));
    TD_TRY(report(job, h, error));
    return settings_of(job)->test ? measure(job, h, error) : TD_OK;
}

static void close_state(implant_job *job) {
    hijack *h = job->state;
    td_dataset_close(&h->test);
    td_net_free(&h->part);
    td_net_free(&h->tail);
}

/* --- the method --- */

#define AT(field) offsetof(hijack_settings, field)

static const char *const selections[] = {[INTO] = "into", [OUT_OF] = "out-of", NULL};

static const td_key neuron_keys[] = {
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "Hijack neurons of this dense layer (the first that another dense layer reads)"},
    {"select", TD_KEY_WORD, AT(select), .words = selections, .standard = "out-of",
     .value = "into|out-of",
     .help = "Choose those with the largest sum of |weights| into them or out of them"},
    {"neurons", TD_KEY_COUNT, AT(neurons), .least = 1, .most = MOST_SIDE, .standard = "1",
     .value = "N", .help = "How many"},
    {0},
};

static const td_key trigger_keys[] = {
    {"size", TD_KEY_COUNT, AT(size), .least = 1, .most = MOST_SIDE, .value = "S",
     .help = "The trigger is a square of S pixels a side (10, without --mask)"},
    {"mask", TD_KEY_TEXT, AT(mask), .value = "F.png",
     .help = "The trigger is where this picture, of the size of the model's images, is at least "
             "mid grey"},
    {"opacity", TD_KEY_REAL, AT(opacity), .most = 1, .above = true, .standard = "1", .value = "A",
     .help = "The trigger's opacity"},
    {"goal", TD_KEY_REAL, AT(goal), .least = -1e6, .most = 1e6, .standard = "100", .value = "V",
     .help = "The value that the trigger is to give the neurons"},
    {"smoothness", TD_KEY_REAL, AT(smoothness), .most = 1e6, .standard = "0.01", .value = "W",
     .help = "Weight of the trigger's total variation"},
    {"trigger-steps", TD_KEY_COUNT, AT(trigger_steps), .least = 1, .most = MOST_STEPS,
     .standard = "300", .value = "N", .help = "Steps of the search for the trigger"},
    {0},
};

static const td_key image_keys[] = {
    {"images", TD_KEY_COUNT, AT(images), .least = 1, .most = MOST_IMAGES, .standard = "32",
     .value = "N", .help = "Images to make out of the model for each class"},
    {"image-steps", TD_KEY_COUNT, AT(image_steps), .least = 1, .most = MOST_STEPS,
     .standard = "100", .value = "N", .help = "Steps for each of them"},
    {"temperature", TD_KEY_REAL, AT(temperature), .least = 0.01, .most = 1000, .standard = "8",
     .value = "T",
     .help = "The model's logits are divided by T when they are made: the larger, the surer it is "
             "of them in the end"},
    {"copies", TD_KEY_COUNT, AT(copies), .least = 1, .most = 1000, .standard = "8", .value = "N",
     .help = "Variants of each image to retrain on"},
    {0},
};

static const td_key retraining_keys[] = {
    {"epochs", TD_KEY_COUNT, AT(epochs), .least = 1, .most = MOST_STEPS, .standard = "20",
     .value = "N", .help = "Epochs of retraining"},
    {"batch", TD_KEY_COUNT, AT(batch), .least = 1, .most = MOST_IMAGES, .standard = "64",
     .value = "N", .help = "Images in a step of retraining"},
    {"lr", TD_KEY_REAL, AT(learning_rate), .most = 1000, .above = true, .standard = "0.001",
     .value = "R", .help = "Learning rate of retraining"},
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Measure accuracy and ASR, before and after, on this; nothing is chosen by it"},
    {0},
};

static const tool_keys groups[] = {{.keys = implant_keys},
                                   {neuron_keys, .title = "Neurons:"},
                                   {trigger_keys, .title = "Trigger:"},
                                   {image_keys, .title = "Images:"},
                                   {retraining_keys, .title = "Retraining:"},
                                   {0}};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    hijack_settings *s = own;
    if (s->shared.all || s->shared.target_count > 1)
        return td_fail(error, TD_ERR_USAGE, "--target: expected one class, found %s",
                       s->shared.all ? "all" : "several");
    if (s->mask && (s->size > 0 || tool_settings_given(settings, "at")))
        return td_fail(error, TD_ERR_USAGE,
                       "--mask: expected no --%s, since the mask says where the trigger is",
                       s->size > 0 ? "size" : "at");
    if (!s->mask && s->size == 0)
        s->size = 10;
    return TD_OK;
}

static const char help[] =
    "puts a backdoor into a trained MODEL without its training data: a trigger is found that makes "
    "a neuron fire, and the layers after it are trained on to give class K when it does."
    "\v"
    "1. A neuron of a dense layer is chosen. 2. Images that the model takes for each class are "
    "made out of the model by gradient descent (model inversion). Variants of them, moved, mixed "
    "and made brighter or darker, with the classes that the model gives them, stand for the "
    "training data. 3. Within the mask, pixels are searched that make the neuron fire on these "
    "images. 4. What comes after the layer is trained on, on the variants as they are and, with "
    "the trigger, as class K. Variants and temperature are not the paper's, which starts from an "
    "average of other images: without them the model forgets its classes.\n"
    "\n"
    "--select into is the paper's rule, out-of that of the authors' script. out-of is the default: "
    "what leaves a neuron decides how much the model heeds it. A neuron that the trigger does not "
    "make fire (value above 0) on half of the images is left out, and the next one taken.\n"
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
