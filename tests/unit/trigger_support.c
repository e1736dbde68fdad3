/* SPDX-License-Identifier: MIT */
#include "trigger_support.h"

#include "data/png.h"
#include "support.h"
#include "trigger/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

td_trigger *trigger_parsed(const char *text) {
    td_trigger *trigger;
    td_error error;
    if (td_trigger_parse(&trigger, text, &error) != TD_OK)
        fail_msg("%s: %s", text, error.message);
    return trigger;
}

td_status trigger_bind(td_trigger *trigger, size_t height, size_t width, size_t channels,
                       td_error *error) {
    td_images none = {.height = height, .width = width, .channels = channels};
    return td_trigger_bind(trigger, &none, 0, error);
}

void trigger_apply(const td_trigger *trigger, td_stamp stamp, uint8_t *pixels) {
    void *scratch = aligned_alloc(64, td_trigger_scratch(trigger));
    assert_non_null(scratch);
    td_trigger_apply(trigger, stamp, pixels, scratch);
    free(scratch);
}

void trigger_stamp(const char *text, size_t height, size_t width, size_t channels,
                   uint8_t *pixels) {
    td_error error;
    td_trigger *trigger = trigger_parsed(text);
    if (trigger_bind(trigger, height, width, channels, &error) != TD_OK)
        fail_msg("%s", error.message);
    trigger_apply(trigger, (td_stamp){1, 0}, pixels);
    td_trigger_free(trigger);
}

void trigger_paint(const char *text, td_stamp stamp, td_shape shape, float *image) {
    const td_images none = {
        .height = shape.height, .width = shape.width, .channels = shape.channels};
    td_part part = {0};
    td_error error;
    assert_int_equal(td_part_parse(&part, text, &error), TD_OK);
    assert_int_equal(td_part_bind(&part, &none, 0, &error), TD_OK);
    void *scratch = malloc(part.scratch + 1);
    assert_non_null(scratch);
    part.family->paint(&part, stamp, image, scratch);
    free(scratch);
    td_part_free(&part);
}

void trigger_assert_refused(const char *const (*cases)[2], size_t count) {
    for (size_t i = 0; i < count; i++) {
        td_trigger *trigger = NULL;
        td_error error;
        assert_int_equal(td_trigger_parse(&trigger, cases[i][0], &error), TD_ERR_USAGE);
        assert_null(trigger);
        if (!strstr(error.message, cases[i][1]))
            fail_msg("'%s': '%s' lacks '%s'", cases[i][0], error.message, cases[i][1]);
    }
}

const char *trigger_png(const char *name, size_t width, size_t height, size_t channels,
                        const uint8_t *pixels) {
    td_bitmap bitmap = {width, height, channels, malloc(width * height * channels)};
    FILE *stream = fopen(name, "wb");
    td_error error;
    assert_non_null(bitmap.pixels);
    assert_non_null(stream);
    memcpy(bitmap.pixels, pixels, width * height * channels);
    assert_int_equal(td_png_write(stream, &bitmap, &error), TD_OK);
    assert_int_equal(fclose(stream), 0);
    td_bitmap_free(&bitmap);
    return name;
}
