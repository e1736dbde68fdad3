/* SPDX-License-Identifier: MIT */
/* The common part of patches: measuring the model before and after, unlearning, and stamping images
 * with recovered triggers. */
#include "base/size.h"
#include "defend/inspect/inspect.h"
#include "frame/model_output.h"
#include "nn/loss.h"
#include "nn/predict.h"
#include <string.h>

td_status inspect_patch(inspection *in, inspect_repair repair, td_error *error) {
    repair_figures before, after;
    const td_net *net;
    float *weights;
    TD_TRY(repair_measure(&in->truth, &in->model.net, in->model.weights, NULL, &before, error));
    TD_TRY(repair(in, &net, &weights, error));
    TD_TRY(repair_measure(&in->truth, net, weights, &before, &after, error));
    TD_TRY(repair_report(&in->truth, &before, &after, error));
    return tool_run_model(in->run, in->run->common->output, net, weights, in->model.class_names,
                          in->model.training, error);
}

/* Images of other classes than `class`, from order[*next] on; returns how many. */
static size_t choose(const td_images *images, size_t class, size_t wanted, const uint32_t *order,
                     size_t *next, uint32_t *numbers) {
    size_t count = 0;
    for (; count < wanted && *next < images->count; (*next)++)
        if ((size_t)images->labels[order[*next]] != class)
            numbers[count++] = order[*next];
    return count;
}

typedef struct unlearned {
    const char *how, *images_of;
    tool_list classes;
    size_t images, stamped;
} unlearned;

#define AT(field) offsetof(unlearned, field)

static const tool_column columns[] = {
    {"how", NULL, TOOL_TEXT, AT(how)},
    {"classes", NULL, TOOL_LIST, AT(classes)},
    {"images_of", "images of", TOOL_TEXT, AT(images_of)},
    {"images", "images", TOOL_COUNT, AT(images)},
    {"stamped", "of them with a recovered trigger", TOOL_COUNT, AT(stamped)},
    {0},
};

static const tool_table_kind unlearning = {
    .title = "Unlearning", .columns = columns, .row = sizeof(unlearned), .single = true};

/* Blends per image. The model's answers to them say more about its decision boundaries than those
 * to its training images, on which it is confident. */
enum { BLENDS = 4 };

/* The training data of unlearning: the images, blends of two, and stamped ones. */
typedef struct lesson {
    td_images images;
    uint8_t *pixels; /* of the images */
    int32_t *labels;
    float *soft_labels; /* [images, classes] */
} lesson;

/* The model's own answers for the first `clean` images, and the true labels of the stamped ones. */
static td_status find_labels(inspection *in, size_t clean, lesson *l, td_error *error) {
    const td_net *net = &in->model.net;
    const size_t classes = td_net_classes(net);
    const td_images unstamped = td_images_slice(&l->images, 0, clean);
    float *logits;
    td_arena arena = {0};
    TD_TRY(td_arena_alloc(&in->run->arena, l->images.count, classes * sizeof *l->soft_labels,
                          (void **)&l->soft_labels, "labels", error));
    td_status status = td_predict(net, in->model.weights, &unstamped, (td_predict_watch){0}, &arena,
                                  &logits, error);
    if (status == TD_OK)
        td_softmax(logits, clean, classes, l->soft_labels);
    td_arena_free(&arena);
    for (size_t i = clean; i < l->images.count; i++)
        l->soft_labels[i * classes + (size_t)l->labels[i]] = 1;
    return status;
}

/* Blends two random images with random weights. */
static void add_blends(const td_images *images, td_random *random, lesson *l) {
    const size_t size = td_image_size(images);
    for (size_t i = 0; i < BLENDS * images->count; i++) {
        const uint8_t *a = td_image(images, td_random_below(random, (uint32_t)images->count));
        const uint8_t *b = td_image(images, td_random_below(random, (uint32_t)images->count));
        const float share = td_random_unit(random);
        uint8_t *out = l->pixels + (l->images.count + i) * size;
        for (size_t k = 0; k < size; k++)
            out[k] = (uint8_t)(share * (float)a[k] + (1 - share) * (float)b[k] + 0.5F);
    }
    l->images.count += BLENDS * images->count;
}

/* Appends copies of images numbers[0 … count), stamped for a class. */
static void add_stamped(inspection *in, const td_images *images, const inspect_unlearning *how,
                        size_t class, const uint32_t *numbers, size_t count, lesson *l) {
    const size_t size = td_image_size(images);
    uint8_t *pixels = l->pixels + l->images.count * size;
    int32_t *labels = l->labels + l->images.count;
    for (size_t i = 0; i < count; i++) {
        memcpy(pixels + i * size, td_image(images, numbers[i]), size);
        how->stamp(in, class, i, pixels + i * size);
        labels[i] = images->labels[numbers[i]];
    }
    l->images.count += count;
}

/* Allocates all, and copies the unchanged images. */
static td_status open_lesson(const td_images *images, td_arena *arena, lesson *l, td_error *error) {
    const size_t size = td_image_size(images), count = images->count, most = (2 + BLENDS) * count;
    TD_TRY(td_arena_alloc(arena, most, size, (void **)&l->pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, most, &l->labels, "images", error));
    memcpy(l->pixels, images->pixels, count * size);
    memcpy(l->labels, images->labels, count * sizeof *l->labels);
    l->images = *images;
    l->images.pixels = l->pixels;
    l->images.labels = l->labels;
    return TD_OK;
}

static td_status make_lesson(inspection *in, const td_images *images, inspect_unlearning *how,
                             lesson *l, td_error *error) {
    td_arena *arena = &in->run->arena;
    const size_t count = images->count;
    const size_t each = (size_t)(how->share * (double)count / (double)how->class_count + 0.5);
    uint32_t *order, *numbers;
    size_t next = 0;
    TD_TRY(TD_ARENA_NEW(arena, count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &numbers, "images", error));
    TD_TRY(open_lesson(images, arena, l, error));
    td_random_permutation(&how->order, order, (uint32_t)count);
    add_blends(images, &how->order, l);
    const size_t clean = l->images.count;
    for (size_t k = 0; k < how->class_count; k++) {
        const size_t chosen = choose(images, how->classes[k], each, order, &next, numbers);
        add_stamped(in, images, how, how->classes[k], numbers, chosen, l);
    }
    return find_labels(in, clean, l, error);
}

td_status inspect_unlearn(inspection *in, const td_images *images, inspect_unlearning *how,
                          float **weights, td_error *error) {
    const size_t count = in->model.net.weight_count;
    unlearned row = {.how = how->how, .images_of = how->images_of, .images = images->count};
    td_train_options tune = *how->tune;
    lesson l;
    TD_TRY(make_lesson(in, images, how, &l, error));
    row.stamped = l.images.count - (1 + BLENDS) * images->count;
    tune.soft_labels = l.soft_labels;
    tune.schedule = td_schedule_find("cosine");
    TD_TRY(TD_ARENA_NEW(&in->run->arena, count, weights, "weights", error));
    memcpy(*weights, in->model.weights, count * sizeof **weights);
    TD_TRY(tune_model(in->run, &tune, "unlearning", &in->model.net, *weights, &l.images, error));
    TD_TRY(inspect_numbers(in, how->classes, how->class_count, &row.classes, error));
    return tool_run_rows(in->run, &unlearning, "/patch", &row, 1, error);
}
