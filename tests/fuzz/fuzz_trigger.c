/* SPDX-License-Identifier: MIT */
/* Triggers as text. The canonical text parses to itself; a trigger that fits the images stamps
 * them. Files to name are in the current folder: grey.pgm, rgb.ppm, two in the folder `two`, and
 * two.npy. */
#include "base/parallel.h"
#include "fuzz.h"
#include "trigger/trigger.h"
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 2, LARGEST_IMAGE = 12 * 12 * 3 };

static void write_picture(const char *name, const char *text) {
    FUZZ_ASSERT(fuzz_folder_write(name, (const uint8_t *)text, strlen(text)));
}

/* Two images of 2 × 2. */
static void write_array(void) {
    static const char start[] = "\x93NUMPY\x01\x00\x46\x00"
                                "{'descr':'|u1','fortran_order':False,'shape':(2,2,2),}";
    enum { HEADER = 80, VALUES = 8 };
    uint8_t file[HEADER + VALUES];
    memset(file, ' ', HEADER);
    memcpy(file, start, sizeof start - 1);
    file[HEADER - 1] = '\n';
    for (size_t i = 0; i < VALUES; i++)
        file[HEADER + i] = (uint8_t)(i * 31);
    FUZZ_ASSERT(fuzz_folder_write("two.npy", file, sizeof file));
}

static void enter_folder(void) {
    static bool done;
    if (done)
        return;
    write_picture("grey.pgm", "P2 3 2 255 0 50 100 150 200 255");
    write_picture("rgb.ppm", "P3 2 2 255 255 0 0 0 255 0 0 0 255 9 99 199");
    write_picture("two/1.pgm", "P2 2 2 255 0 100 200 255");
    write_picture("two/2.ppm", "P3 1 1 255 255 128 0");
    write_array();
    fuzz_folder_enter();
    td_set_threads(1);
    done = true;
}

static void stamp(td_trigger *trigger, size_t height, size_t width, size_t channels) {
    static const int32_t labels[IMAGES] = {0, 1};
    uint8_t pixels[IMAGES * LARGEST_IMAGE];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7);
    const td_images images = {.count = IMAGES,
                              .height = height,
                              .width = width,
                              .channels = channels,
                              .classes = IMAGES,
                              .pixels = pixels,
                              .labels = labels};
    td_error error = {""};
    if (!fuzz_succeeded(td_trigger_bind(trigger, &images, 0, &error), &error))
        return;
    td_arena arena = {0};
    td_images out;
    fuzz_expect(td_trigger_stamp(trigger, &images, (td_stamp){1, 0}, &arena, &out, &error), &error);
    fuzz_touch(out.pixels, IMAGES * td_image_size(&images));
    td_arena_free(&arena);
}

static void check_canonical(const td_trigger *trigger) {
    td_error error = {""};
    td_trigger *again;
    const char *canonical = td_trigger_text(trigger);
    fuzz_expect(td_trigger_parse(&again, canonical, &error), &error);
    FUZZ_ASSERT(strcmp(td_trigger_text(again), canonical) == 0);
    td_trigger_free(again);
    if (td_trigger_has_strength(trigger)) {
        fuzz_expect(td_trigger_with_strength(&again, trigger, 0.5, &error), &error);
        td_trigger_free(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_trigger *trigger;
    enter_folder();
    char *text = fuzz_text(data, size);
    bool elsewhere = strstr(text, "=/") || strstr(text, "..");
    if (!elsewhere && fuzz_succeeded(td_trigger_parse(&trigger, text, &error), &error)) {
        check_canonical(trigger);
        stamp(trigger, 12, 12, 3);
        stamp(trigger, 5, 4, 1);
        stamp(trigger, 1, 1, 3);
        td_trigger_free(trigger);
    }
    free(text);
    return 0;
}
