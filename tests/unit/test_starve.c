/* SPDX-License-Identifier: MIT */
/* JSON written while memory fails: an error, or the right bytes. */
#include "starve.h"
#include "support.h"

#include "base/json.h"
#include "base/json_build.h"
#include "data/listing.h"
#include "data/picture.h"
#include "data/png.h"
#include "data/safetensors.h"
#include "frame/model_output.h"
#include "poison/poison.h"
#include "train/train.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 16 };

typedef td_status (*make_fn)(FILE *stream, td_error *error);

typedef struct written {
    td_status status;
    td_error error;
    char bytes[MOST_BYTES];
    bool starved;
} written;

/* The stream allocates all it needs before memory fails. */
static void write_starved(make_fn make, size_t first, bool onward, written *out) {
    char buffer[4096];
    memset(out, 0, sizeof *out);
    FILE *stream = fmemopen(out->bytes, sizeof out->bytes, "wb");
    assert_non_null(stream);
    setvbuf(stream, buffer, _IOFBF, sizeof buffer);
    starve_begin(first, onward);
    out->status = make(stream, &out->error);
    out->starved = starve_end();
    assert_int_equal(fclose(stream), 0);
}

/* Fails each allocation in turn: only that one, or all from there on. */
static void assert_whole_or_error(make_fn make) {
    static written whole, part;
    write_starved(make, SIZE_MAX, false, &whole);
    assert_int_equal(whole.status, TD_OK);
    for (int onward = 0; onward < 2; onward++) {
        size_t k = 0;
        do {
            write_starved(make, k++, onward, &part);
            if (part.status == TD_OK) {
                assert_memory_equal(part.bytes, whole.bytes, sizeof whole.bytes);
            } else {
                assert_int_equal(part.status, TD_ERR_MEMORY);
                support_assert_contains(part.error.message, "out of memory");
            }
        } while (part.starved);
        assert_true(k > 3 || !starve_all);
    }
}

/* --- a record --- */

typedef struct line {
    const char *name;
    size_t count;
    double size;
    td_rate asr;
    tool_estimate loss;
    tool_list list;
} line;

#define AT(field) offsetof(line, field)

static const tool_column columns[] = {{"name", "name", TOOL_TEXT, AT(name), .right = true},
                                      {"count", "count", TOOL_COUNT, AT(count)},
                                      {"size", "size", TOOL_REAL, AT(size), "pixels", 2},
                                      {"asr", "ASR", TOOL_RATE, AT(asr)},
                                      {"loss", "loss", TOOL_ESTIMATE, AT(loss), .null = true},
                                      {"list", "list", TOOL_LIST, AT(list)},
                                      {0}};
static const tool_chart charts[] = {{"Sizes", TOOL_CHART_LINES, "count", {"size", "loss"}}, {0}};
static const tool_axes axes = {.x_title = "count", .y_mark = "/cutoff", .mark = "cutoff"};
static const tool_table_kind kind = {.name = "rows",
                                     .title = "Rows",
                                     .columns = columns,
                                     .row = sizeof(line),
                                     .charts = charts,
                                     .axes = &axes};

static const tool_common common = {.seed = 7};

static td_status start(tool_run *run, td_error *error) {
    td_json json = {0};
    json_t *options = td_json_pack(&json, "{ss sz s[zz] sf}", "data", "caf\xe9.png", "count",
                                   (size_t)3, "pair", (size_t)1, (size_t)2, "rate", 0.5);
    *run = (tool_run){.common = &common};
    TD_TRY(td_json_end(&json, &options, "the options", error));
    return tool_record_start(&run->record, "trapdoor-test", &common, options, error);
}

static td_status fill_record(tool_run *run, FILE *stream, td_error *error) {
    static const double values[] = {1, 2, 3, 4};
    const td_rate rate = td_rate_of(3, 4);
    line lines[2];
    for (size_t i = 0; i < 2; i++)
        lines[i] = (line){"a name of some length", i, INFINITY, td_rate_of(i, 2), {0.5, {0, 1}},
                          {values, 4, 2, NULL}};
    TD_TRY(tool_run_rows(run, &kind, NULL, lines, 2, error));
    TD_TRY(tool_run_rows(run, &kind, "/parts/0", lines, 1, error));
    json_t *list = tool_run_set(run, "list", "[]");
    for (size_t i = 0; i < 20; i++)
        td_json_append(&run->record.json, list, td_json_count(&run->record.json, i));
    tool_run_set(run, "cutoff", "f", 2.0);
    tool_json_rate(&run->record.json, run->record.root, "asr", &rate);
    tool_record_folder(&run->record, "pets", 3, &(td_digest){"0123"},
                       &(td_remarks){.pictures = {[TD_FACT_TURNED] = 2}});
    TD_TRY(tool_run_summary(run, error, "%zu lines", (size_t)2));
    tool_tables_json(&run->tables, &run->record.json, run->record.root);
    TD_TRY(tool_record_check(&run->record, error));
    return tool_record_write(&run->record, stream, "a stream", error);
}

static td_status make_record(FILE *stream, td_error *error) {
    tool_run run;
    td_status status = start(&run, error);
    if (status == TD_OK)
        status = fill_record(&run, stream, error);
    tool_run_close(&run);
    return status;
}

static void test_record(void **state) {
    (void)state;
    assert_whole_or_error(make_record);
}

/* --- the manifest of a poisoned set --- */

static td_status fill_manifest(tool_run *run, FILE *stream, td_error *error) {
    int32_t labels[] = {0, 1, 2, 0}, map[] = {1, 0, 2};
    bool classes[] = {true, false, true};
    poison_item items[] = {{0, 0, -1, NULL}, {1, 2, 0, NULL}, {2, 2, 1, NULL}, {3, 2, 0, NULL}};
    poison_output outputs[] = {{"train", "train.safetensors", 0, 4, 4, 3, 0, items},
                               {"test", "test.safetensors", 0, 2, 2, 1, 0, items}};
    poison_backdoor backdoors[] = {{.target = {.kind = POISON_TO_CLASS, .label = 2},
                                    .set_size = 4,
                                    .class_size = 1,
                                    .count = 2,
                                    .of_set = 0.5,
                                    .of_class = NAN,
                                    .similarity = {.images = 2, .psnr = NAN, .ssim = 1}},
                                   {.count = 1}};
    const poison_settings settings = {.ratio = 0.5};
    const poison_rule rule = {.takes_ratio = true};
    poison_plan plan = {.run = run,
                        .settings = &settings,
                        .rule = &rule,
                        .targets = {{.kind = POISON_TO_CLASS, .label = 2},
                                    {.kind = POISON_TO_MAP, .map = map, .text = "0=1,1=0"}},
                        .target_count = 2,
                        .source = {.name = "mnist", .split = "train"},
                        .source_files = 1,
                        .model_files = 1,
                        .source_classes = classes,
                        .backdoors = backdoors,
                        .backdoor_count = 2,
                        .outputs = outputs,
                        .output_count = 2};
    json_t *manifest;
    plan.source.images = (td_images){.count = 4, .classes = 3, .labels = labels};
    tool_record_folder(&run->record, "pets", 3, &(td_digest){"0123"},
                       &(td_remarks){.pictures = {[TD_FACT_TURNED] = 2}});
    for (size_t i = 0; i < 2; i++)
        td_json_append(&run->record.json, json_object_get(run->record.root, "outputs"),
                       td_json_pack(&run->record.json, "{ss}", "sha256", "4567"));
    poison_record_options(&plan);
    TD_TRY(poison_manifest(&plan, &manifest, error));
    td_status status = td_json_write(stream, manifest, error);
    json_decref(manifest);
    return status == TD_OK ? td_json_write(stream, run->record.root, error) : status;
}

static td_status make_manifest(FILE *stream, td_error *error) {
    static const tool_method method = {.name = "dirty-label"};
    tool_run run;
    td_status status = start(&run, error);
    run.method = &method;
    if (status == TD_OK)
        status = fill_manifest(&run, stream, error);
    tool_run_close(&run);
    return status;
}

static void test_manifest(void **state) {
    (void)state;
    assert_whole_or_error(make_manifest);
}

/* --- a model's header, with the description of its training --- */

static td_status make_header(FILE *stream, td_error *error) {
    const float values[4] = {1, 2, 3, 4};
    const td_tensor tensors[] = {
        {.name = "a tensor of a long name: layer.1.conv.weight",
         .dtype = TD_F32,
         .rank = 2,
         .dims = {2, 2},
         .data = values},
        {.name = "bias", .dtype = TD_F32, .rank = 1, .dims = {4}, .data = values}};
    tool_run run;
    char *training = NULL;
    td_status status = start(&run, error);
    if (status == TD_OK) {
        tool_record_folder(&run.record, "pets", 3, &(td_digest){"0123"},
                           &(td_remarks){.pictures = {[TD_FACT_TURNED] = 2}});
        status = tool_model_training(&run.record, &training, error);
    }
    const td_metadata metadata[] = {{"trapdoor.net", "input = image()\n"},
                                    {"trapdoor.training", training}};
    if (status == TD_OK)
        status = td_safetensors_write(stream, tensors, 2, metadata, 2, error);
    free(training);
    tool_run_close(&run);
    return status;
}

static void test_header(void **state) {
    (void)state;
    assert_whole_or_error(make_header);
}

/* --- a training's log, as its file and as a checkpoint have it --- */

static td_status fill_log(train_job *job, FILE *stream, td_error *error) {
    job->epochs = tool_run_set(job->run, "epochs", "[]");
    for (size_t i = 0; i < 12; i++)
        TD_TRY(
            train_log_epoch(job, &(td_train_state){.epoch = i + 1, .loss = 1.5, .lr = 0.1}, error));
    for (size_t i = 0; i < 12; i++)
        TD_TRY(td_json_write_line(stream, json_array_get(job->epochs, i), error));
    td_json json = job->run->record.json;
    char *log = td_json_print(&json, job->epochs, JSON_COMPACT | JSON_REAL_PRECISION(17));
    td_status status = td_json_end(&json, NULL, "the log", error);
    if (status == TD_OK)
        fputs(log, stream);
    free(log);
    return status;
}

static td_status make_log(FILE *stream, td_error *error) {
    static const train_settings settings = {.data = "d"};
    static const tool_common quiet = {.seed = 7, .quiet = true};
    tool_run run;
    train_job job = {.run = &run, .settings = &settings};
    td_status status = start(&run, error);
    run.common = &quiet;
    if (status == TD_OK)
        status = fill_log(&job, stream, error);
    tool_run_close(&run);
    return status;
}

static void test_log(void **state) {
    (void)state;
    assert_whole_or_error(make_log);
}

/* --- reading --- */

/* Texts longer than any buffer, numbers at a buffer's end, and objects. */
static td_status read_and_write(FILE *stream, td_error *error) {
    static char text[6000];
    size_t used = (size_t)snprintf(text, sizeof text, "{\"numbers\": [");
    for (size_t i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%zu.%040zu, ", i, i);
    used += (size_t)snprintf(text + used, sizeof text - used, "0], \"long\": \"");
    memset(text + used, 'x', 3000);
    used += 3000;
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "\", \"objects\": [{\"a\": \"\\u00e9\"}, {\"b\": []}, true]}");
    json_t *value;
    TD_TRY(td_json_parse(text, used, &value, error));
    td_status status = td_json_write(stream, value, error);
    json_decref(value);
    return status;
}

static void test_reading(void **state) {
    (void)state;
    assert_whole_or_error(read_and_write);
}

/* --- pictures --- */

enum { SIDE = 40 };

static td_status make_png(FILE *stream, td_error *error) {
    uint8_t pixels[SIDE * SIDE];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7);
    return td_png_write(stream, &(td_bitmap){SIDE, SIDE, 1, pixels}, error);
}

static void test_png(void **state) {
    (void)state;
    assert_whole_or_error(make_png);
}

static written png;

static td_status read_png(FILE *stream, td_error *error) {
    td_bitmap bitmap;
    TD_TRY(td_picture_decode(&bitmap, (const uint8_t *)png.bytes, sizeof png.bytes, error));
    fwrite(bitmap.pixels, 1, SIDE * SIDE, stream);
    td_bitmap_free(&bitmap);
    return TD_OK;
}

static void test_reading_png(void **state) {
    (void)state;
    write_starved(make_png, SIZE_MAX, false, &png);
    assert_whole_or_error(read_png);
}

/* --- sets --- */

/* All formats inspect the folder before it is listed. */
static td_status list_folder(FILE *stream, td_error *error) {
    td_listing listing;
    bool found;
    TD_TRY(td_listing_open(&listing, &found, "pets", "train", NULL, error));
    for (size_t i = 0; i < listing.count; i++)
        fprintf(stream, "%s %d\n", listing.images[i].path, listing.images[i].label);
    td_listing_close(&listing);
    return TD_OK;
}

static void test_listing(void **state) {
    (void)state;
    support_write_picture("pets/cat/1.pgm", 2, 1, 1, 0);
    support_write_picture("pets/dog/images/2.pgm", 2, 1, 1, 0);
    assert_whole_or_error(list_folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),      cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_header),      cmocka_unit_test(test_log),
        cmocka_unit_test(test_reading),     cmocka_unit_test(test_png),
        cmocka_unit_test(test_reading_png), IN_FOLDER(test_listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
