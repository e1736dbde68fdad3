#include "implant/place.h"

#include "trigger/trigger.h"
#include <stdio.h>

enum { WHITE = 255 };

/* Stamps the white square on a black image, and looks where it is. */
static td_status find_square(td_trigger *square, td_shape shape, size_t *top, size_t *left,
                             td_error *error) {
    td_arena arena = {0};
    uint8_t *pixels;
    void *scratch;
    const td_images images = {
        .height = shape.height, .width = shape.width, .channels = shape.channels};
    td_status status = td_trigger_bind(square, &images, error);
    if (status == TD_OK)
        status =
            td_arena_alloc(&arena, td_shape_size(shape), 1, (void **)&pixels, "an image", error);
    if (status == TD_OK)
        status = td_arena_alloc(&arena, td_trigger_scratch(square), 1, &scratch, "an image", error);
    if (status == TD_OK) {
        size_t first = 0;
        td_trigger_apply(square, (td_stamp){0}, pixels, scratch);
        while (pixels[first] != WHITE)
            first++;
        *top = first / (shape.width * shape.channels);
        *left = first / shape.channels % shape.width;
    }
    td_arena_free(&arena);
    return status;
}

td_status implant_place(const char *model, td_shape shape, size_t side, const char *at, size_t *top,
                        size_t *left, td_error *error) {
    char text[80];
    td_trigger *square;
    if (shape.height < side || shape.width < side)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected a model of images of at least %zux%zu, "
                       "found %zux%zu",
                       model, side, side, shape.width, shape.height);
    if (shape.channels != 1 && shape.channels != 3)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected a model of images of 1 or 3 channels, "
                       "found %zu",
                       model, shape.channels);
    snprintf(text, sizeof text, "square:size=%zu,value=%d,at=%.30s", side, WHITE, at);
    td_status status = td_trigger_parse(&square, text, error);
    if (status == TD_OK) {
        status = find_square(square, shape, top, left, error);
        td_trigger_free(square);
    }
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "--at");
}
