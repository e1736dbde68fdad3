/* SPDX-License-Identifier: MIT */
/* Perturbations and ready-made images from NumPy arrays. */
#include "support.h"
#include "trigger_support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Writes a .npy file of version 1.0. */
static void write_npy(const char *name, const char *descr, const char *shape, const void *data,
                      size_t size) {
    uint8_t file[4096] = "\x93NUMPY\x01\x00";
    char *header = (char *)file + 10;
    const int length = snprintf(
        header, 118, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    memset(header + length, ' ', 118 - (size_t)length);
    header[117] = '\n';
    file[8] = 118;
    assert_true(size <= sizeof file - 128);
    memcpy(file + 128, data, size);
    support_write(name, file, 128 + size);
}

/* 10 + v, clipped and rounded; a grey image's channel may be missing. */
static void adds_a_perturbation(void **state) {
    (void)state;
    static const float values[] = {5, -20, 0.5F, 250};
    static const int8_t small[] = {1, -1, 2, -128};
    static const double wide[] = {1.25, 2.75, -3, 0};
    uint8_t pixels[4];
    write_npy("f4.npy", "<f4", "(2, 2)", values, sizeof values);
    write_npy("i1.npy", "|i1", "(1, 2, 2, 1)", small, sizeof small);
    write_npy("f8.npy", "<f8", "(2, 2, 1)", wide, sizeof wide);
    memset(pixels, 10, sizeof pixels);
    trigger_stamp("add:file=f4.npy", 2, 2, 1, pixels);
    assert_memory_equal(pixels, ((uint8_t[]){15, 0, 11, 255}), 4);
    memset(pixels, 10, sizeof pixels);
    trigger_stamp("add:file=i1.npy,scale=2", 2, 2, 1, pixels);
    assert_memory_equal(pixels, ((uint8_t[]){12, 8, 14, 0}), 4);
    memset(pixels, 10, sizeof pixels);
    trigger_stamp("add:file=f8.npy,scale=-1", 2, 2, 1, pixels);
    assert_memory_equal(pixels, ((uint8_t[]){9, 7, 13, 10}), 4);
    td_trigger *trigger = trigger_parsed("add:file=f4.npy");
    assert_string_equal(td_trigger_file(trigger, 0), "f4.npy");
    td_trigger_free(trigger);
}

static void assert_unbound(const char *text, const td_images *images, size_t first,
                           const char *message) {
    td_error error;
    td_trigger *trigger = trigger_parsed(text);
    if (td_trigger_bind(trigger, images, first, &error) == TD_OK)
        fail_msg("%s: bound", text);
    support_assert_contains(error.message, message);
    td_trigger_free(trigger);
}

static void arrays_that_do_not_fit(void **state) {
    (void)state;
    static const float values[] = {1, 2, 3, NAN};
    static const int64_t whole[] = {1, 2, 3, 4};
    const td_images images = {.height = 2, .width = 2, .channels = 1};
    write_npy("nan.npy", "<f4", "(2, 2)", values, sizeof values);
    write_npy("line.npy", "<f4", "(4,)", values, sizeof values);
    write_npy("i8.npy", "<i8", "(2, 2)", whole, sizeof whole);
    assert_unbound("add:file=nan.npy", &images, 0, "value 3: expected a finite number");
    assert_unbound("add:file=line.npy", &images, 0,
                   "line.npy: expected an array (2, 2, 1), found (4,) of <f4");
    assert_unbound("add:file=i8.npy", &images, 0, "expected |u1, |i1, <f4 or <f8 (2, 2, 1)");
    assert_unbound("table:file=nan.npy", &images, 0, "expected |u1 (N, 2, 2, 1)");
    td_trigger *trigger;
    td_error error;
    assert_int_equal(td_trigger_parse(&trigger, "table:file=absent.npy", &error), TD_ERR_IO);
    assert_int_equal(td_trigger_parse(&trigger, "add", &error), TD_ERR_USAGE);
    support_assert_contains(error.message, "key 'file' is missing");
}

enum { COUNT = 6, SIZE = 4 };

/* Rows replace the images with their number in the whole split; those of other images, or in
 * another order, are refused. */
static void table_replaces_images(void **state) {
    (void)state;
    static const int32_t labels[COUNT] = {0};
    uint8_t pixels[COUNT * SIZE], rows[COUNT * SIZE], turned[COUNT * SIZE];
    td_images images = {COUNT, 2, 2, 1, 2, pixels, labels}, out;
    td_error error;
    td_arena arena = {0};
    for (size_t i = 0; i < COUNT * SIZE; i++) {
        pixels[i] = (uint8_t)(40 * (i / SIZE) + i % SIZE);
        rows[i] = (uint8_t)(pixels[i] + 3);
        turned[(i + 3 * SIZE) % (COUNT * SIZE)] = rows[i];
    }
    write_npy("rows.npy", "|u1", "(6, 2, 2)", rows, sizeof rows);
    write_npy("turned.npy", "|u1", "(6, 2, 2)", turned, sizeof turned);
    write_npy("same.npy", "|u1", "(6, 2, 2, 1)", pixels, sizeof pixels);
    td_trigger *trigger = trigger_parsed("table:file=rows.npy");
    assert_false(td_trigger_has_strength(trigger));
    td_images last = td_images_slice(&images, 2, COUNT);
    assert_int_equal(td_trigger_bind(trigger, &last, 2, &error), TD_OK);
    assert_null(td_trigger_note(trigger));
    assert_int_equal(td_trigger_stamp(trigger, &last, (td_stamp){1, 2}, &arena, &out, &error),
                     TD_OK);
    assert_memory_equal(out.pixels, rows + 2 * SIZE, 4 * SIZE);
    assert_int_equal(td_trigger_stamp(trigger, &last, (td_stamp){1, 3}, &arena, &out, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "expected images below number 6, found up to 6");
    td_arena_free(&arena);
    td_trigger_free(trigger);
    assert_unbound("table:file=rows.npy", &images, 1,
                   "expected a row for each image up to number 6, found 6");
    assert_unbound("table:file=turned.npy", &images, 0,
                   "expected a changed copy of each image, in their order");
    trigger = trigger_parsed("table:file=same.npy");
    assert_int_equal(td_trigger_bind(trigger, &images, 0, &error), TD_OK);
    assert_string_equal(td_trigger_note(trigger), "same.npy has these images unchanged");
    td_trigger_free(trigger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(adds_a_perturbation),
        IN_FOLDER(arrays_that_do_not_fit),
        IN_FOLDER(table_replaces_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
