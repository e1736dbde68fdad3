/* SPDX-License-Identifier: MIT */
/* trapdoor-model compare: compares the outputs of two models, or of a model and another program's
 * logits, on images. */
#include "command.h"

#include "data/dataset.h"
#include "data/npy.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "nn/loss.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

typedef struct compare_settings {
    const char *a, *b, *data, *net, *other_net, *logits;
    double tolerance;
} compare_settings;

#define AT(field) offsetof(compare_settings, field)

static const td_key keys[] = {
    {"a", TD_KEY_TEXT, AT(a), .argument = true, .required = true, .value = "A"},
    {"b", TD_KEY_TEXT, AT(b), .argument = true, .value = "B"},
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "The images: NAME or PATH, with :SPLIT and :A-B (split test)"},
    {"logits", TD_KEY_TEXT, AT(logits), .value = "FILE.npy",
     .help = "Instead of B: another program's logits for these images, a NumPy array [images, "
             "classes] of float32 or float64"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET", .help = "The net of an A that does not name it"},
    {"other-net", TD_KEY_TEXT, AT(other_net), .value = "NET", .help = "The same of B"},
    {"tolerance", TD_KEY_REAL, AT(tolerance), .most = INFINITY, .value = "T",
     .help = "Fail where logits differ by more than T of the largest"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

/* --- the result --- */

typedef struct compare_row {
    size_t images, classes;
    td_rate agreement;
    double difference, relative, mean, own, other;
    size_t image, class;
} compare_row;

#undef AT
#define AT(field) offsetof(compare_row, field)

static const tool_column columns[] = {
    {"images", "images", TOOL_COUNT, AT(images)},
    {"classes", "classes", TOOL_COUNT, AT(classes)},
    {"agreement", "same class", TOOL_RATE, AT(agreement)},
    {"largest_difference", "largest difference of logits", TOOL_REAL, AT(difference)},
    {"relative", "of the largest logit", TOOL_REAL, AT(relative)},
    {"mean_difference", "mean difference", TOOL_REAL, AT(mean)},
    {"image", "largest at image", TOOL_COUNT, AT(image)},
    {"class", "and class", TOOL_CLASS, AT(class)},
    {"logit_a", "where A says", TOOL_REAL, AT(own), .digits = 6},
    {"logit_b", "and B", TOOL_REAL, AT(other), .digits = 6},
    {0},
};

#undef AT

static const tool_table_kind table = {.name = "comparison",
                                      .title = "Comparison",
                                      .columns = columns,
                                      .row = sizeof(compare_row),
                                      .single = true};

/* --- logits --- */

typedef struct comparison {
    td_dataset data;
    size_t classes;
    float *own, *other; /* [images, classes] */
} comparison;

static td_status predict(tool_run *run, comparison *c, const char *path, const char *net,
                         float **logits, td_error *error) {
    td_model model;
    td_status status = tool_run_open_model(run, path, net, &c->data.images, &model, error);
    if (status == TD_OK && c->classes > 0 && td_net_classes(&model.net) != c->classes)
        status =
            td_fail(error, TD_ERR_USAGE, "%s: expected %zu classes, as the other has, found %zu",
                    path, c->classes, td_net_classes(&model.net));
    if (status == TD_OK) {
        c->classes = td_net_classes(&model.net);
        tool_pass pass = tool_run_pass(run, path, c->data.images.count);
        status = tool_predict(&model.net, model.weights, &c->data.images, &pass, &run->arena,
                              logits, error);
        tool_pass_end(&pass);
        if (status != TD_OK)
            td_fail_within(error, status, "%s", path);
    }
    td_model_free(&model);
    return status;
}

static float number_at(const td_npy *npy, size_t i) {
    double wide;
    float narrow;
    if (npy->size == sizeof wide) {
        memcpy(&wide, npy->data + i * sizeof wide, sizeof wide);
        return (float)wide;
    }
    memcpy(&narrow, npy->data + i * sizeof narrow, sizeof narrow);
    return narrow;
}

static td_status copy_logits(const comparison *c, const td_npy *npy, float *out, td_error *error) {
    char shape[TD_NPY_TEXT];
    const size_t images = c->data.images.count;
    if (npy->kind != TD_NPY_FLOAT || npy->size < 4)
        return td_fail(error, TD_ERR_FORMAT, "expected numbers '<f4' or '<f8', found '%s'",
                       npy->descr);
    if (npy->rank != 2 || npy->dims[0] != images || npy->dims[1] != c->classes)
        return td_fail(error, TD_ERR_FORMAT, "expected the shape (%zu, %zu), found %s", images,
                       c->classes, td_npy_shape(npy, shape));
    for (size_t i = 0; i < npy->count; i++)
        out[i] = number_at(npy, i);
    return TD_OK;
}

static td_status read_logits(tool_run *run, comparison *c, const char *path, td_error *error) {
    td_npy npy;
    TD_TRY(tool_record_input(&run->record, path, error));
    TD_TRY(td_npy_open(&npy, path, error));
    td_status status =
        td_arena_alloc(&run->arena, c->data.images.count, c->classes * sizeof *c->other,
                       (void **)&c->other, "logits", error);
    if (status == TD_OK && (status = copy_logits(c, &npy, c->other, error)) != TD_OK)
        td_fail_within(error, status, "%s", path);
    td_npy_close(&npy);
    return status;
}

static compare_row measure(const comparison *c) {
    const size_t images = c->data.images.count, count = images * c->classes;
    compare_row row = {.images = images, .classes = c->classes};
    double sum = 0, largest = 0;
    size_t at = 0, same = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)c->own[i] - (double)c->other[i]);
        sum += difference;
        largest = fmax(largest, fmax(fabs((double)c->own[i]), fabs((double)c->other[i])));
        if (!(difference <= row.difference) && !isnan(row.difference)) { /* NaN is the largest */
            row.difference = difference;
            at = i;
        }
    }
    for (size_t i = 0; i < images; i++)
        same += td_argmax(c->own + i * c->classes, c->classes) ==
                td_argmax(c->other + i * c->classes, c->classes);
    row.agreement = td_rate_of(same, images);
    row.relative = largest > 0 ? row.difference / largest : row.difference;
    row.mean = count > 0 ? sum / (double)count : 0;
    row.image = c->data.first + at / c->classes;
    row.class = at % c->classes;
    row.own = count > 0 ? (double)c->own[at] : 0;
    row.other = count > 0 ? (double)c->other[at] : 0;
    return row;
}

static td_status compare_all(tool_run *run, comparison *c, td_error *error) {
    const compare_settings *s = run->own;
    TD_TRY(tool_run_images(run, s->data, "test", &c->data, error));
    TD_TRY(predict(run, c, s->a, s->net, &c->own, error));
    TD_TRY(s->b ? predict(run, c, s->b, s->other_net, &c->other, error)
                : read_logits(run, c, s->logits, error));
    const compare_row row = measure(c);
    TD_TRY(tool_run_rows(run, &table, NULL, &row, 1, error));
    if (tool_settings_given(run->settings, "tolerance"))
        run->failed = !(row.relative <= s->tolerance);
    return tool_run_summary(run, error,
                            "Logits differ by at most %.3g (%.3g of the largest), at image %zu, "
                            "class %zu: %g and %g; %zu of %zu images are of the same class",
                            row.difference, row.relative, row.image, row.class, row.own, row.other,
                            row.agreement.hits, row.images);
}

static td_status compare(tool_run *run, td_error *error) {
    comparison c = {0};
    td_status status = compare_all(run, &c, error);
    td_dataset_close(&c.data);
    return status;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const compare_settings *s = own;
    (void)settings;
    if (!s->b == !s->logits)
        return td_fail(error, TD_ERR_USAGE, "expected one of B and --logits, found %s",
                       s->b ? "both" : "none");
    return s->other_net && !s->b ? td_fail(error, TD_ERR_USAGE, "--other-net: expected B with it")
                                 : TD_OK;
}

static const tool_family family = {
    .name = "compare",
    .word = "command",
    .usage = "A B --data DATA\nA --logits FILE.npy --data DATA",
    .prints = model_prints,
    .run = compare,
};

static const char help[] =
    "Compare the logits of two models, or of a model and another program: the largest difference, "
    "and where it is. A net text written by hand may load the weights and still be wrong; this "
    "shows it."
    "\v"
    "Logits of PyTorch, of the same images in the same order:\n"
    "  numpy.save(\"logits.npy\", model(images).detach().numpy())\n"
    "\n"
    "Examples:\n"
    "  trapdoor-model compare model.onnx model.safetensors --data cifar10:test\n"
    "  trapdoor-model compare model.pth --net own.net --logits logits.npy \\\n"
    "    --data images:test:0-100 --tolerance 1e-4\n";

const tool_method model_compare = {
    .name = "compare",
    .title = "Compare",
    .doc = "the largest difference between two models' logits",
    .help = help,
    .family = &family,
    .groups = groups,
    .size = sizeof(compare_settings),
    .check = check,
};
