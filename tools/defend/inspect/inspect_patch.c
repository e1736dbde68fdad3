/* What patches have in common: the model before and after, training on, and images of which some
 * carry recovered triggers. */
#include "base/size.h"
#include "defend/inspect/inspect.h"
#include "frame/model_output.h"
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

td_status inspect_unlearn(inspection *in, const td_images *images, inspect_unlearning *how,
                          float **weights, td_error *error) {
    td_arena *arena = &in->run->arena;
    const size_t size = td_image_size(images), bytes = images->count * size;
    const size_t count = in->model.net.weight_count;
    const size_t each =
        (size_t)(how->share * (double)images->count / (double)how->class_count + 0.5);
    unlearned row = {.how = how->how, .images_of = how->images_of, .images = images->count};
    td_images mixed = *images;
    uint32_t *order, *numbers;
    uint8_t *pixels;
    size_t next = 0;
    TD_TRY(TD_ARENA_NEW(arena, images->count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &numbers, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, bytes, &pixels, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, count, weights, "weights", error));
    memcpy(pixels, images->pixels, bytes);
    mixed.pixels = pixels;
    td_random_permutation(&how->order, order, (uint32_t)images->count);
    for (size_t k = 0; k < how->class_count; k++) {
        const size_t chosen = choose(images, how->classes[k], each, order, &next, numbers);
        for (size_t i = 0; i < chosen; i++)
            how->stamp(in, how->classes[k], i, pixels + numbers[i] * size);
        row.stamped += chosen;
    }
    memcpy(*weights, in->model.weights, count * sizeof **weights);
    TD_TRY(tune_model(in->run, how->tune, "unlearning", &in->model.net, *weights, &mixed, error));
    TD_TRY(inspect_numbers(in, how->classes, how->class_count, &row.classes, error));
    return tool_run_rows(in->run, &unlearning, "/patch", &row, 1, error);
}
