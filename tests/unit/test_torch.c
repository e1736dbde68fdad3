/* SPDX-License-Identifier: MIT */
/* Files of torch.save: written by PyTorch (tests/golden/torch), and malicious ones. */
#include "model/floats.h"
#include "model/model.h"
#include "zip_support.h"
#include <stdio.h>
#include <string.h>

static const char text[] = "input = image() height=6 width=6 channels=1\n"
                           "conv = conv(input) out=2 kernel=3 bias=0\n"
                           "bn = batch-norm(conv)\n"
                           "relu = relu(bn)\n"
                           "flat = flatten(relu)\n"
                           "fc = dense(flat) out=3\n";

/* --- what PyTorch wrote --- */

static td_status load_golden(const char *name, td_model *model, td_error *error) {
    char path[512];
    td_net net;
    snprintf(path, sizeof path, TEST_GOLDEN "/torch/%s", name);
    assert_int_equal(td_net_parse(&net, text, NULL, NULL), TD_OK);
    return td_model_load_for(model, &net, path, error);
}

/* Element i of each tensor, as make_torch_files.py fills it. */
static void assert_filled(const td_model *model) {
    for (size_t p = 0; p < model->net.param_count; p++) {
        const td_param *param = &model->net.params[p];
        const float more = strstr(param->name, "running_var") ? 1 : 0;
        for (size_t i = 0; i < param->count; i++)
            if (model->weights[param->offset + i] != ((float)(i % 7) - 3.0f) / 8.0f + more)
                fail_msg("%s, %s: value %zu: found %g", model->kind, param->name, i,
                         (double)model->weights[param->offset + i]);
    }
}

static void assert_golden(const char *name, const char *kind, const char *note) {
    td_model model;
    td_error error;
    if (load_golden(name, &model, &error) != TD_OK)
        fail_msg("%s", error.message);
    assert_string_equal(model.kind, kind);
    assert_filled(&model);
    if (note) {
        assert_true(model.note_count > 0);
        support_assert_contains(model.notes[0], note);
    } else {
        assert_int_equal(model.note_count, 0);
    }
    td_model_free(&model);
}

static void files_of_pytorch(void **state) {
    (void)state;
    assert_golden("state_dict.pth", "PyTorch state_dict", NULL);
    assert_golden("protocol4.pth", "PyTorch state_dict", NULL);
    assert_golden("legacy.pth", "PyTorch state_dict", NULL);
    assert_golden("views.pth", "PyTorch state_dict", NULL);
    assert_golden("half.pth", "PyTorch state_dict", "weights in F16, read as F32");
    assert_golden("bfloat16.pth", "PyTorch state_dict", "weights in BF16");
    assert_golden("double.pth", "PyTorch state_dict", "weights in F64");
    assert_golden("checkpoint.pth", "PyTorch checkpoint", "under \"state_dict\"");
    assert_golden("compiled.pth", "PyTorch checkpoint", "under \"model\"");
    assert_golden("module.pth", "pickled PyTorch module", NULL);
    assert_golden("module_legacy.pth", "pickled PyTorch module", NULL);
    assert_golden("wrapped_module.pth", "pickled PyTorch module", "under \"model\"");
    assert_golden("exported.pt2", "PyTorch exported program", NULL);
    assert_golden("script.pt", "TorchScript", "tensor \"scratch\" is no parameter of the net");
}

static void prefixes_are_said(void **state) {
    td_model model;
    (void)state;
    assert_int_equal(load_golden("checkpoint.pth", &model, NULL), TD_OK);
    assert_int_equal(model.note_count, 2);
    support_assert_contains(model.notes[1], "\"module.\"");
    td_model_free(&model);
    assert_int_equal(load_golden("compiled.pth", &model, NULL), TD_OK);
    support_assert_contains(model.notes[1], "\"_orig_mod.\"");
    td_model_free(&model);
}

/* Without --net: the message for a module suggests ONNX, for a state_dict --net. */
static void nets_that_are_missing(void **state) {
    td_model model;
    td_error error;
    (void)state;
    assert_int_equal(td_model_load(&model, TEST_GOLDEN "/torch/module.pth", NULL, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "torch.onnx.export");
    assert_int_equal(td_model_load(&model, TEST_GOLDEN "/torch/exported.pt2", NULL, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "but not the program");
    assert_int_equal(td_model_load(&model, TEST_GOLDEN "/torch/half.pth", NULL, &error),
                     TD_ERR_USAGE);
    support_assert_contains(error.message, "give it with --net");
    assert_int_equal(load_golden("quantised.pth", &model, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "tensor \"w\": expected a tensor of numbers");
}

static void a_skeleton_has_the_layers(void **state) {
    td_source source;
    td_arena arena = {0};
    td_net net;
    td_net_variables v = {6, 6, 1, 3};
    char *skeleton;
    td_error error;
    (void)state;
    assert_int_equal(td_source_open(&source, TEST_GOLDEN "/torch/state_dict.pth", NULL), TD_OK);
    assert_int_equal(td_model_skeleton(&source, &arena, &skeleton, NULL), TD_OK);
    support_assert_contains(skeleton, "conv = conv(scale) out=2 kernel=3x3 pad=1x1 bias=0");
    support_assert_contains(skeleton, "bn = batch-norm(conv)");
    support_assert_contains(skeleton, "fc = dense(flat) out=3  # weight 3x32");
    if (td_net_parse(&net, skeleton, &v, &error) != TD_OK)
        fail_msg("%s", error.message);
    td_net_free(&net);
    td_arena_free(&arena);
    td_source_close(&source);
}

/* --- files from others --- */

/* {'w': _rebuild_tensor_v2(storage '0' of `count` floats, offset, size, stride)}; sizes and strides
 * are of two dimensions. */
typedef struct tensor_text {
    int32_t count, offset, size[2], stride[2];
    const char *storage; /* its class; NULL: FloatStorage */
    const char *behind;  /* more bytes after its STOP */
} tensor_text;

typedef struct bytes {
    uint8_t at[1024];
    size_t size;
} bytes;

static void add(bytes *b, const char *text_of, size_t size) {
    assert_true(b->size + size <= sizeof b->at);
    memcpy(b->at + b->size, text_of, size);
    b->size += size;
}

#define ADD(b, literal) add((b), (literal), sizeof(literal) - 1)

static void add_int(bytes *b, int32_t number) {
    ADD(b, "J");
    add(b, (const char *)&number, sizeof number);
}

static void make_pickle(const tensor_text *t, bytes *b) {
    const char *storage = t->storage ? t->storage : "torch\nFloatStorage";
    b->size = 0;
    ADD(b, "\x80\x02}U\1w");
    ADD(b, "ctorch._utils\n_rebuild_tensor_v2\n((U\7storagec");
    add(b, storage, strlen(storage));
    ADD(b, "\nU\1"
           "0U\3cpu");
    add_int(b, t->count);
    ADD(b, "tQ");
    add_int(b, t->offset);
    for (size_t i = 0; i < 2; i++)
        add_int(b, t->size[i]);
    ADD(b, "\x86");
    for (size_t i = 0; i < 2; i++)
        add_int(b, t->stride[i]);
    ADD(b, "\x86\x89NtRs.");
    if (t->behind)
        add(b, t->behind, strlen(t->behind));
}

static const float numbers[] = {1, 2, 3, 4, 5, 6};

static td_status open_bytes(const zip_bytes *zip, td_source *source, td_error *error) {
    support_write("m.pth", zip->bytes, zip->size);
    return td_source_open(source, "m.pth", error);
}

static td_status open_parts(const zip_part *parts, td_source *source, td_error *error) {
    zip_bytes zip;
    zip_make(&zip, parts);
    return open_bytes(&zip, source, error);
}

static td_status open_tensor(const tensor_text *t, td_source *source, td_error *error) {
    bytes pickle;
    make_pickle(t, &pickle);
    const zip_part parts[] = {{"m/data.pkl", pickle.at, pickle.size},
                              {"m/byteorder", "little", 6},
                              {"m/data/0", numbers, sizeof numbers},
                              {0}};
    return open_parts(parts, source, error);
}

static void assert_tensor_refused(tensor_text t, const char *part) {
    td_source source;
    td_error error = {""};
    if (open_tensor(&t, &source, &error) != TD_ERR_FORMAT)
        fail_msg("expected a refusal with \"%s\"", part);
    assert_memory_equal(error.message, "m.pth: ", 7);
    support_assert_contains(error.message, part);
}

static void strides_lead_to_the_storage(void **state) {
    const tensor_text t = {6, 1, {2, 2}, {1, 3}, NULL, NULL};
    td_source source;
    td_error error;
    (void)state;
    if (open_tensor(&t, &source, &error) != TD_OK)
        fail_msg("%s", error.message);
    const td_tensor *w = td_source_find(&source, "w");
    assert_int_equal(w->count, 4);
    assert_int_equal(w->strides[1], 3);
    assert_memory_equal(w->data, numbers + 1, sizeof *numbers);
    td_source_close(&source);
}

static void strides_past_the_storage(void **state) {
    (void)state;
    assert_tensor_refused((tensor_text){6, 0, {2, 2}, {1, 6}, NULL, NULL},
                          "tensor \"w\": stride: expected all elements in its storage of 6");
    assert_tensor_refused((tensor_text){6, 3, {2, 2}, {2, 1}, NULL, NULL}, "one after it");
    assert_tensor_refused((tensor_text){6, 6, {1, 1}, {0, 0}, NULL, NULL}, "one after it");
    assert_tensor_refused((tensor_text){6, 0, {2, 2}, {-1, 1}, NULL, NULL},
                          "stride: expected whole");
    assert_tensor_refused((tensor_text){6, -1, {2, 2}, {2, 1}, NULL, NULL}, "offset");
    assert_tensor_refused((tensor_text){6, 0, {-2, 2}, {2, 1}, NULL, NULL}, "size: expected whole");
    assert_tensor_refused((tensor_text){6, 0, {INT32_MAX, INT32_MAX}, {INT32_MAX, 1}, NULL, NULL},
                          "one after it");
}

/* The other half of CVE-2026-24747: a storage declared larger than its bytes. */
static void storages_that_lie(void **state) {
    static const char evil[] = "\x80\x02"
                               "cposix\nsystem\nU\2id\x85R.";
    (void)state;
    assert_tensor_refused((tensor_text){7, 0, {2, 2}, {2, 1}, NULL, NULL},
                          "expected the 28 bytes of its 7 numbers, found 24");
    assert_tensor_refused((tensor_text){-1, 0, {2, 2}, {2, 1}, NULL, NULL}, "a storage with");
    assert_tensor_refused((tensor_text){6, 0, {2, 2}, {2, 1}, "torch\nDoubleStorage", NULL},
                          "expected the 48 bytes");
    assert_tensor_refused((tensor_text){6, 0, {2, 2}, {2, 1}, "posix\nsystem", NULL},
                          "found \"posix system\"");
    assert_tensor_refused((tensor_text){6, 0, {2, 2}, {2, 1}, NULL, evil},
                          "expected one pickle, found 23 bytes after its end");
}

static void assert_parts_refused(const zip_part *parts, const char *part) {
    td_source source;
    td_error error = {""};
    if (open_parts(parts, &source, &error) != TD_ERR_FORMAT)
        fail_msg("expected a refusal with \"%s\"", part);
    support_assert_contains(error.message, part);
}

#define PARTS_REFUSED(part, ...) assert_parts_refused((const zip_part[]){__VA_ARGS__, {0}}, part)

static void archives_that_hide_something(void **state) {
    const tensor_text t = {6, 0, {2, 3}, {3, 1}, NULL, NULL};
    bytes b;
    (void)state;
    make_pickle(&t, &b);
    const zip_part pickle = {"m/data.pkl", b.at, b.size}, data = {"m/data/0", numbers, 24};
    PARTS_REFUSED("all entries in the folder", pickle, data, {"n/data.pkl", b.at, b.size});
    PARTS_REFUSED("expected an entry \"data/0\", found none", pickle, {"m/data/1", numbers, 24});
    PARTS_REFUSED("deflated", {"m/data.pkl", b.at, b.size, .method = 8}, data);
    PARTS_REFUSED("checksum", {"m/data.pkl", b.at, b.size, .crc = 3}, data);
    PARTS_REFUSED("checksum", pickle, {"m/data/0", numbers, 24, .crc = 3});
    PARTS_REFUSED("little-endian", pickle, data, {"m/byteorder", "big", 3});
    PARTS_REFUSED("a zip archive without one", {"data.pkl", b.at, b.size}, {"data/0", numbers, 24});
    PARTS_REFUSED("a Keras model", {"config.json", "{}", 2}, {"model.weights.h5", "", 0});
    PARTS_REFUSED("torch.export", {"m/models/model.json", "{}", 2});
    PARTS_REFUSED("NumPy", {"a.npy", "", 0});
    PARTS_REFUSED("unpack it first", {"x/model.pth", "", 0});
}

/* The table of a .pt2 with one weight, of 24 bytes. */
static void assert_export_refused(const char *part, const char *table) {
    PARTS_REFUSED(part, {"m/models/model.json", "{}", 2}, {"m/data/weights/w", numbers, 24},
                  {"m/data/weights/odd", numbers, 23},
                  {"m/data/weights/model_weights_config.json", table, strlen(table)});
}

#define WEIGHT(path, pickle, dtype, sizes, strides, offset)                                        \
    "{\"config\":{\"a.w\":{\"path_name\":" path ",\"use_pickle\":" pickle                          \
    ",\"tensor_meta\":{\"dtype\":" dtype ",\"sizes\":[" sizes "],\"strides\":[" strides            \
    "],\"storage_offset\":{\"as_int\":" offset "},\"layout\":7}}}}"
#define INT(number) "{\"as_int\":" number "}"
#define TWO_BY_THREE INT("2") "," INT("3")

static void exported_programs_that_lie(void **state) {
    const char *const good =
        WEIGHT("\"w\"", "false", "7", TWO_BY_THREE, INT("1") "," INT("2"), "0");
    const zip_part parts[] = {{"m/models/model.json", "{}", 2},
                              {"m/data/weights/w", numbers, 24},
                              {"m/data/weights/model_weights_config.json", good, strlen(good)},
                              {0}};
    td_source source;
    float found[6];
    (void)state;
    assert_int_equal(open_parts(parts, &source, NULL), TD_OK);
    assert_int_equal(td_tensor_floats(&source.tensors[0], found, NULL), TD_OK);
    for (size_t i = 0; i < 6; i++)
        assert_true(found[i] == numbers[i / 3 + i % 3 * 2]);
    td_source_close(&source);
    assert_export_refused("tensor \"a.w\": stride: expected all elements in its storage of 6",
                          WEIGHT("\"w\"", "false", "7", TWO_BY_THREE, INT("3") "," INT("1"), "1"));
    assert_export_refused("stride: expected all elements in its storage of 6",
                          WEIGHT("\"w\"", "false", "7", INT("1") "," INT("2"),
                                 INT("1") "," INT("9223372036854775807"), "0"));
    assert_export_refused("strides: expected 2 numbers, found 1",
                          WEIGHT("\"w\"", "false", "7", TWO_BY_THREE, INT("3"), "0"));
    assert_export_refused("sizes: expected whole numbers of at least 0",
                          WEIGHT("\"w\"", "false", "7", INT("-2"), INT("1"), "0"));
    assert_export_refused("sizes: expected whole numbers of at least 0",
                          WEIGHT("\"w\"", "false", "7", "{\"as_expr\":\"s0\"}", INT("1"), "0"));
    assert_export_refused("storage_offset: expected",
                          WEIGHT("\"w\"", "false", "7", INT("2"), INT("1"), "-1"));
    assert_export_refused("size: expected one that fits in memory",
                          WEIGHT("\"w\"", "false", "7", INT("9223372036854775807") "," INT("8"),
                                 INT("0") "," INT("0"), "0"));
    assert_export_refused("use_pickle: expected false",
                          WEIGHT("\"w\"", "true", "7", INT("1"), INT("1"), "0"));
    assert_export_refused("dtype: expected",
                          WEIGHT("\"w\"", "false", "9", INT("1"), INT("1"), "0"));
    assert_export_refused("expected a multiple of 4 bytes, found 23",
                          WEIGHT("\"odd\"", "false", "7", INT("1"), INT("1"), "0"));
    assert_export_refused("expected an entry \"data/weights/v\", found none",
                          WEIGHT("\"v\"", "false", "7", INT("1"), INT("1"), "0"));
    assert_export_refused("path_name: expected",
                          WEIGHT("3", "false", "7", INT("1"), INT("1"), "0"));
    assert_export_refused("expected 1 to 65536 weights by name, found 0", "{\"config\":[1]}");
    assert_export_refused("model_weights_config.json: line 1", "{\"config\":{\"a\":1,\"a\":2}}");
}

static void assert_pickle_refused(const char *pickle, size_t size, const char *part) {
    PARTS_REFUSED(part, {"m/data.pkl", pickle, size}, {"m/data/0", numbers, 24});
}

#define PICKLE_REFUSED(part, literal) assert_pickle_refused((literal), sizeof(literal) - 1, (part))

/* _modules of a module is the module itself; nested dictionaries. */
static void objects_that_are_no_model(void **state) {
    (void)state;
    PICKLE_REFUSED("within one another", "\x80\x02"
                                         "c__main__\nNet\n)\x81q\0}U\x08_modules"
                                         "}U\1ah\0ssb.");
    PICKLE_REFUSED("without parameters", "\x80\x02"
                                         "c__main__\nNet\n)\x81.");
    PICKLE_REFUSED("found a dictionary of \"epoch\", \"other\"", "\x80\x02}(U\x05"
                                                                 "epochK\1U\x05other}u.");
    PICKLE_REFUSED("found a dictionary", "\x80\x02}q\0(U\x05modelh\0u.");
    PICKLE_REFUSED("found another object", "\x80\x02K\1.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_pytorch),
        cmocka_unit_test(prefixes_are_said),
        cmocka_unit_test(nets_that_are_missing),
        cmocka_unit_test(a_skeleton_has_the_layers),
        IN_FOLDER(strides_lead_to_the_storage),
        IN_FOLDER(strides_past_the_storage),
        IN_FOLDER(storages_that_lie),
        IN_FOLDER(archives_that_hide_something),
        IN_FOLDER(exported_programs_that_lie),
        IN_FOLDER(objects_that_are_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
