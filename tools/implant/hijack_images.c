/* SPDX-License-Identifier: MIT */
/* Inverts the model into images, makes variants of them, and draws the sheet. */
#include "implant/hijack.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "data/sheet.h"
#include "nn/invert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- inversion --- */

/* The model with its logits divided by the temperature; it has the same weights. */
static td_status cool(tool_run *run, const td_net *net, double temperature, td_net *out,
                      td_error *error) {
    char *own, name[32] = "cooled";
    const char *text;
    for (size_t i = 0; i < net->node_count; i++)
        if (strncmp(net->nodes[i].name, "cooled", 6) == 0)
            snprintf(name, sizeof name, "cooled%zu", net->node_count);
    TD_TRY(td_net_text(net, &run->arena, &own, error));
    TD_TRY(tool_run_text(run, &text, error, "%s%s = scale(%s) by=%.17g\n", own, name,
                         net->nodes[net->node_count - 1].name, 1 / temperature));
    return td_net_parse(out, text, NULL, error);
}

static bool advance(void *context, size_t done) {
    tool_run_show(context, done, NULL);
    return !tool_run_stops(context);
}

td_status hijack_invert(tool_run *run, const td_net *net, const float *weights,
                        const hijack_inversion *config, td_images *made, td_error *error) {
    td_invert_settings settings = td_invert_defaults;
    td_inverted inverted;
    td_net cooled;
    TD_TRY(cool(run, net, config->temperature, &cooled, error));
    settings.per_class = config->per_class;
    settings.steps = config->steps;
    settings.seed = run->common->seed;
    settings.advance = advance;
    settings.context = run;
    tool_run_begin(run, "making images of the classes", "steps",
                   td_net_classes(net) * config->per_class * config->steps);
    td_status status = td_invert(&cooled, weights, &settings, &run->arena, &inverted, error);
    tool_run_end(run);
    td_net_free(&cooled);
    *made = inverted.images;
    return status;
}

/* --- variants --- */

enum { FARTHEST = 3 };

typedef struct work {
    const td_images *images;
    uint64_t seed;
    uint8_t *pixels;
} work;

/* A random shift, with wrap-around, over a length. */
static size_t draw_shift(td_random *random, size_t length) {
    return (length * FARTHEST + td_random_below(random, 2 * FARTHEST + 1) - FARTHEST) % length;
}

static void vary_image(void *context, size_t number) {
    const work *w = context;
    const td_images *images = w->images;
    const size_t size = td_image_size(images), channels = images->channels;
    td_random random = td_random_for(w->seed, TD_FOR_HIJACK, 3, (uint32_t)number);
    const size_t down = draw_shift(&random, images->height);
    const size_t right = draw_shift(&random, images->width);
    const float light = 0.6F + 0.8F * td_random_unit(&random);
    const float share = 0.5F * td_random_unit(&random);
    const uint8_t *own = td_image(images, number % images->count);
    const uint8_t *other = td_image(images, td_random_below(&random, (uint32_t)images->count));
    uint8_t *to = w->pixels + number * size;
    for (size_t i = 0; i < size; i++) {
        const size_t y = (i / channels / images->width + down) % images->height;
        const size_t x = (i / channels + right) % images->width;
        const float from = own[(y * images->width + x) * channels + i % channels];
        const float value = light * ((1 - share) * from + share * (float)other[i]);
        to[i] = value < 254.5F ? (uint8_t)(value + 0.5F) : 255;
    }
}

void hijack_vary(const td_images *images, size_t copies, uint64_t seed, uint8_t *pixels) {
    td_parallel_each(copies * images->count, vary_image, &(work){images, seed, pixels});
}

/* --- the sheet --- */

enum { ROWS = 10, EACH = 4, COLUMNS = 2 * EACH, CAPTION = 32 };

td_status hijack_draw_sheet(const td_images *made, const uint8_t *stamped, td_bitmap *bitmap,
                            td_error *error) {
    static const char *const headings[COLUMNS] = {"inverted",     "", "", "",
                                                  "with trigger", "", "", ""};
    const size_t rows = td_size_min(ROWS, made->classes), each = made->count / made->classes;
    td_sheet_cell cells[ROWS * COLUMNS] = {{0}};
    char captions[ROWS][CAPTION];
    for (size_t row = 0; row < rows; row++) {
        snprintf(captions[row], CAPTION, "class %zu", row);
        for (size_t i = 0; i < COLUMNS; i++) {
            if (i % EACH >= each)
                continue;
            const size_t image = row * each + i % EACH;
            cells[row * COLUMNS + i] = (td_sheet_cell){
                i < EACH ? td_image(made, image) : stamped + image * td_image_size(made),
                i % EACH == 0 ? captions[row] : NULL};
        }
    }
    const td_sheet sheet = {rows,           COLUMNS, made->height, made->width,
                            made->channels, cells,   headings};
    return td_sheet_draw(bitmap, &sheet, error);
}
