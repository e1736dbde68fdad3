/* SPDX-License-Identifier: MIT */
#include "defend/inspect/sample.h"

#include "base/size.h"
#include "nn/predict.h"
#include <string.h>

enum { LEAST_CLASSES = 2 };

static const double LOWEST = -3, HIGHEST = 1;

float inspect_margin(const float *logits, size_t classes, size_t t, size_t *rival) {
    size_t other = t == 0;
    for (size_t k = 0; k < classes; k++)
        if (k != t && logits[k] > logits[other])
            other = k;
    if (rival)
        *rival = other;
    return logits[t] - logits[other];
}

double inspect_bounded_margin(const inspect_sample *s, float margin) {
    return fmin(fmax((double)margin / s->scale, LOWEST), HIGHEST);
}

td_status inspect_open_exec(const inspection *in, size_t batch, td_exec_kind kind, td_exec **out,
                            td_error *error) {
    TD_TRY(td_exec_new(out, &in->model.net, batch, kind, error));
    td_exec_weights(*out, in->model.weights);
    return TD_OK;
}

td_images inspect_sample_head(const inspect_sample *s, size_t per_class) {
    return td_images_slice(&s->search, 0, td_size_min(per_class * s->present, s->search.count));
}

/* --- which images --- */

typedef struct part {
    uint8_t *pixels;
    int32_t *labels;
    size_t count;
} part;

static td_status make_part(inspection *in, size_t most, part *out, td_error *error) {
    *out = (part){0};
    TD_TRY(TD_ARENA_NEW(&in->run->arena, most * td_image_size(&in->images), &out->pixels,
                        "a sample", error));
    return TD_ARENA_NEW(&in->run->arena, most, &out->labels, "a sample", error);
}

static void add(part *to, const td_images *images, size_t place) {
    const size_t size = td_image_size(images);
    memcpy(to->pixels + to->count * size, td_image(images, place), size);
    to->labels[to->count++] = images->labels[place];
}

static td_images images_of(const part *of, const td_images *like) {
    td_images images = *like;
    images.count = of->count;
    images.pixels = of->pixels;
    images.labels = of->labels;
    return images;
}

/* The first `per_class` images of each class: places[class * per_class + i]. */
static void list_by_class(const td_images *images, size_t per_class, uint32_t *places,
                          size_t *counts) {
    for (size_t i = 0; i < images->count; i++) {
        const size_t label = (size_t)images->labels[i];
        if (counts[label] < per_class)
            places[label * per_class + counts[label]++] = (uint32_t)i;
    }
}

static void note_few(const tool_run *run, size_t per_class, size_t classes, const size_t *counts) {
    size_t fewest = 0;
    for (size_t c = 1; c < classes; c++)
        if (counts[c] < counts[fewest])
            fewest = c;
    if (counts[fewest] < per_class)
        tool_run_note(run,
                      "note: class %zu has %zu clean image%s, where the search takes %zu of each; "
                      "with fewer it errs more often",
                      fewest, counts[fewest], counts[fewest] == 1 ? "" : "s", per_class);
}

td_status inspect_note_few(tool_run *run, const td_images *images, size_t classes,
                           td_error *error) {
    size_t *counts;
    TD_TRY(TD_ARENA_NEW(&run->arena, classes, &counts, "counts", error));
    for (size_t i = 0; i < images->count; i++)
        counts[images->labels[i]]++;
    note_few(run, SAMPLE_PER_CLASS, classes, counts);
    return TD_OK;
}

static td_status choose(inspection *in, size_t per_class, inspect_sample *s, td_error *error) {
    uint32_t *places;
    size_t *counts, twice = 0;
    part search, measure;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->classes * per_class, &places, "a sample", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->classes, &counts, "a sample", error));
    TD_TRY(make_part(in, s->classes * per_class, &search, error));
    TD_TRY(make_part(in, s->classes * per_class, &measure, error));
    list_by_class(&in->images, per_class, places, counts);
    for (size_t i = 0; i < per_class; i++)
        for (size_t c = 0; c < s->classes; c++)
            if (i < counts[c])
                add(i < (counts[c] + 1) / 2 ? &search : &measure, &in->images,
                    places[c * per_class + i]);
    for (size_t c = 0; c < s->classes; c++) {
        s->present += counts[c] > 0;
        twice += counts[c] > 1;
    }
    s->search = images_of(&search, &in->images);
    s->measure = images_of(&measure, &in->images);
    if (twice < LEAST_CLASSES)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected at least two clean images of each of at least %d classes, "
                       "found two of only %zu",
                       in->clean.name, LEAST_CLASSES, twice);
    note_few(in->run, per_class, s->classes, counts);
    return TD_OK;
}

/* --- the scale --- */

/* Of the images: the margins of those that are classified correctly. */
typedef struct usual {
    double sum;
    size_t right;
    bool varies; /* their logits differ */
} usual;

static td_status add_margins(inspection *in, const td_images *images, usual *u, td_error *error) {
    const size_t classes = td_net_classes(&in->model.net);
    float *logits;
    TD_TRY(td_predict(&in->model.net, in->model.weights, images, (td_predict_watch){0},
                      &in->run->arena, &logits, error));
    for (size_t i = 0; i < images->count; i++) {
        const float margin =
            inspect_margin(logits + i * classes, classes, (size_t)images->labels[i], NULL);
        if (margin > 0) {
            u->sum += (double)margin;
            u->right++;
        }
        u->varies |= memcmp(logits + i * classes, logits, classes * sizeof *logits) != 0;
    }
    return TD_OK;
}

td_status inspect_sample_take(inspection *in, size_t per_class, inspect_sample *out,
                              td_error *error) {
    usual u = {0};
    *out = (inspect_sample){.classes = td_net_classes(&in->model.net),
                            .values = td_image_size(&in->images)};
    TD_TRY(choose(in, per_class, out, error));
    TD_TRY(add_margins(in, &out->search, &u, error));
    TD_TRY(add_margins(in, &out->measure, &u, error));
    if (u.right == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a model that classifies some of these images correctly, found "
                       "that it does none of %zu",
                       in->clean.name, out->search.count + out->measure.count);
    if (!u.varies)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a model whose logits depend on the image, found the same for "
                       "each of %zu",
                       in->clean.name, out->search.count + out->measure.count);
    out->scale = u.sum / (double)u.right;
    return isfinite(out->scale) ? TD_OK
                                : td_fail(error, TD_ERR_NUMERIC,
                                          "%s: expected logits with a finite mean margin, found %g",
                                          in->clean.name, out->scale);
}
