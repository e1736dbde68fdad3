/* SPDX-License-Identifier: MIT */
/* SentiNet: Chou, Tramèr and Pellegrino, "SentiNet: detecting localized universal attacks against
 * deep learning systems", IEEE S&P workshops 2020. Grad-CAM at the last convolution finds the
 * decisive part of an input: where the map, resized to the input, has at least 85 % of its largest
 * value. That part is pasted on clean images: the share that the model assigns to the input's class
 * is the fooled rate. It is also pasted on noise: the model's mean confidence there is the
 * confidence. Clean inputs lie below a boundary in the plane of the two, a parabola through the
 * highest fooled rates of ten intervals of the confidence; the score is the distance above it.
 *
 * Half of the clean images are carriers and define the boundary; the other half calibrate. */
#include "defend/detect/sentinet.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/method.h"
#include "nn/channels.h"
#include "nn/feed.h"
#include "nn/head_tail.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

enum { FOOLED, CONFIDENCE, BOUNDARY, SCORES };
enum { BINS = 10, MOST_FITTED = 200, NOISE = 0 /* epoch of TD_FOR_DETECT */ };

typedef struct sentinet_settings {
    detect_own shared;
    const char *layer;
    size_t carriers;
    double cut;
} sentinet_settings;

typedef struct sentinet {
    td_net head, tail;
    float *head_weights, *tail_weights;
    td_exec *head_exec, *tail_exec;
    td_shape map;
    uint32_t *carriers; /* numbers within the clean set */
    size_t count;       /* of them, and of noise images */
    uint8_t *noise;     /* [count, size] */
    float *cam;         /* [DETECT_SLICE, places] */
    bool *part;         /* the same */
    int32_t *classes;   /* [DETECT_SLICE] */
    double curve[3];    /* the boundary: a + b·x + c·x² */
} sentinet;

/* --- the decisive part --- */

/* The value of a map at a position of the image, interpolated between its four neighbours. */
static float sample(const float *map, td_shape shape, td_shape image, size_t y, size_t x) {
    const float v =
        fminf(fmaxf(((float)y + 0.5F) * (float)shape.height / (float)image.height - 0.5F, 0),
              (float)(shape.height - 1));
    const float h =
        fminf(fmaxf(((float)x + 0.5F) * (float)shape.width / (float)image.width - 0.5F, 0),
              (float)(shape.width - 1));
    const size_t top = (size_t)v, left = (size_t)h;
    const size_t low = td_size_min(top + 1, shape.height - 1);
    const size_t right = td_size_min(left + 1, shape.width - 1);
    const float dv = v - (float)top, dh = h - (float)left;
    const float above =
        (1 - dh) * map[top * shape.width + left] + dh * map[top * shape.width + right];
    const float below =
        (1 - dh) * map[low * shape.width + left] + dh * map[low * shape.width + right];
    return (1 - dv) * above + dv * below;
}

/* Images first, first + 1, ... in the executors of head and tail. */
typedef struct mapping {
    const detect_job *job;
    const sentinet *s;
    size_t first;
    const float *values; /* the head's, channel by channel */
    const float *slopes; /* the gradient at the map, position by position */
} mapping;

static void take_part(void *context, size_t i) {
    const mapping *m = context;
    const sentinet *s = m->s;
    const td_shape image = td_net_input(&m->job->model.net);
    const size_t places = s->map.height * s->map.width, channels = s->map.channels;
    const size_t pixels = image.height * image.width;
    const float *values = m->values + i * places * channels;
    const float *slopes = m->slopes + i * places * channels;
    float *cam = s->cam + (m->first + i) * places, most = 0;
    bool *part = s->part + (m->first + i) * pixels;
    memset(cam, 0, places * sizeof *cam);
    for (size_t c = 0; c < channels; c++) {
        float weight = 0;
        for (size_t p = 0; p < places; p++)
            weight += slopes[p * channels + c] / (float)places;
        for (size_t p = 0; p < places; p++)
            cam[p] += weight * values[c * places + p];
    }
    for (size_t p = 0; p < places; p++)
        cam[p] = fmaxf(cam[p], 0);
    for (size_t p = 0; p < pixels; p++)
        most = fmaxf(most, sample(cam, s->map, image, p / image.width, p % image.width));
    const float cut = (float)((const sentinet_settings *)m->job->run->own)->cut * most;
    for (size_t p = 0; p < pixels; p++)
        part[p] = most > 0 && sample(cam, s->map, image, p / image.width, p % image.width) >= cut;
}

/* Sets s->part and s->classes for images. */
static void find_parts(detect_job *job, sentinet *s, const td_images *images) {
    const size_t classes = td_net_classes(&job->model.net);
    const size_t places = s->map.height * s->map.width, channels = s->map.channels;
    for (size_t first = 0; first < images->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - first);
        td_feed(images, NULL, first, count, td_exec_input(s->head_exec));
        const float *values = td_exec_forward(s->head_exec, count);
        float *input = td_exec_input(s->tail_exec);
        for (size_t i = 0; i < count; i++)
            for (size_t c = 0; c < channels; c++)
                for (size_t p = 0; p < places; p++)
                    input[(i * places + p) * channels + c] =
                        values[(i * channels + c) * places + p];
        const float *logits = td_exec_forward(s->tail_exec, count);
        for (size_t i = 0; i < count; i++)
            s->classes[first + i] = td_argmax(logits + i * classes, classes);
        float *slopes = td_exec_logits_gradient(s->tail_exec);
        memset(slopes, 0, count * classes * sizeof *slopes);
        for (size_t i = 0; i < count; i++)
            slopes[i * classes + (size_t)s->classes[first + i]] = 1;
        mapping m = {job, s, first, values, td_exec_backward(s->tail_exec, NULL)};
        td_parallel_each(count, take_part, &m);
    }
}

/* --- pasting --- */

/* Rows of one input: carriers, then noise. */
typedef struct laying {
    const detect_job *job;
    const sentinet *s;
    const uint8_t *image;
    const bool *part;
    size_t first;
    float *out;
} laying;

static void lay(void *context, size_t i) {
    const laying *l = context;
    const sentinet *s = l->s;
    const td_images *clean = &l->job->clean.images;
    const size_t size = td_image_size(clean), row = l->first + i;
    const uint8_t *under =
        row < s->count ? td_image(clean, s->carriers[row]) : s->noise + (row - s->count) * size;
    float *out = l->out + i * size;
    for (size_t k = 0; k < size; k++)
        out[k] = l->part[k / clean->channels] ? l->image[k] : under[k];
}

/* The fooled rate and the confidence of image `i`, whose part is known. */
static void measure(detect_job *job, const sentinet *s, const td_images *images, size_t i,
                    double *fooled, double *confidence) {
    const size_t classes = td_net_classes(&job->model.net), rows = 2 * s->count;
    const size_t pixels = images->height * images->width;
    *fooled = *confidence = 0;
    for (size_t first = 0; first < rows; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, rows - first);
        laying l = {
            job, s, td_image(images, i), s->part + i * pixels, first, td_exec_input(job->exec)};
        td_parallel_each(count, lay, &l);
        const float *logits = td_exec_forward(job->exec, count);
        for (size_t k = 0; k < count; k++) {
            const float *row = logits + k * classes;
            const int32_t class = td_argmax(row, classes);
            double sum = 0;
            for (size_t c = 0; c < classes; c++)
                sum += exp((double)row[c] - (double)row[class]);
            if (first + k < s->count)
                *fooled += (double)(class == s->classes[i]) / (double)s->count;
            else
                *confidence += 1 / sum / (double)s->count;
        }
    }
}

/* --- the boundary --- */

/* Solves the normal equations by Gaussian elimination. */
void sentinet_curve(const double *x, const double *y, size_t count, double curve[3]) {
    double a[3][4] = {{0}};
    curve[0] = curve[1] = curve[2] = 0;
    for (size_t i = 0; i < count; i++) {
        const double powers[3] = {1, x[i], x[i] * x[i]};
        curve[0] = fmax(curve[0], y[i]);
        for (size_t r = 0; r < 3; r++) {
            for (size_t c = 0; c < 3; c++)
                a[r][c] += powers[r] * powers[c];
            a[r][3] += powers[r] * y[i];
        }
    }
    if (count < 3)
        return;
    for (size_t p = 0; p < 3; p++) {
        a[p][p] += 1e-9; /* regularises points nearly on a vertical line */
        for (size_t r = 0; r < 3; r++)
            for (size_t c = 4; r != p && c-- > p;)
                a[r][c] -= a[r][p] / a[p][p] * a[p][c];
    }
    for (size_t r = 0; r < 3; r++)
        curve[r] = a[r][3] / a[r][r];
}

/* Through the highest fooled rate of each interval. */
static void fit_boundary(sentinet *s, const double *fooled, const double *confidence,
                         size_t count) {
    double low = INFINITY, high = -INFINITY, x[BINS], y[BINS], best[BINS];
    size_t at[BINS], points = 0;
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, confidence[i]);
        high = fmax(high, confidence[i]);
    }
    for (size_t b = 0; b < BINS; b++)
        best[b] = -1;
    for (size_t i = 0; i < count; i++) {
        const double place = high > low ? (confidence[i] - low) / (high - low) * BINS : 0;
        const size_t b = td_size_min((size_t)place, BINS - 1);
        if (fooled[i] > best[b]) {
            best[b] = fooled[i];
            at[b] = i;
        }
    }
    for (size_t b = 0; b < BINS; b++)
        if (best[b] >= 0) {
            x[points] = confidence[at[b]];
            y[points++] = best[b];
        }
    sentinet_curve(x, y, points, s->curve);
}

static double above(const sentinet *s, double fooled, double confidence) {
    return fooled - (s->curve[0] + confidence * (s->curve[1] + confidence * s->curve[2]));
}

static td_status learn(detect_job *job, sentinet *s, const uint32_t *numbers, size_t count,
                       td_error *error) {
    td_arena arena = {0};
    td_images images;
    double fooled[MOST_FITTED], confidence[MOST_FITTED];
    td_status status = defend_gather(&job->clean.images, numbers, count, &arena, &images, error);
    if (status == TD_OK) {
        find_parts(job, s, &images);
        for (size_t i = 0; i < count; i++)
            measure(job, s, &images, i, &fooled[i], &confidence[i]);
        fit_boundary(s, fooled, confidence, count);
    }
    td_arena_free(&arena);
    return status;
}

/* --- the detector --- */

static td_status cut_net(detect_job *job, sentinet *s, td_error *error) {
    const sentinet_settings *o = job->run->own;
    const td_net *net = &job->model.net;
    const char *model = job->settings->model.path;
    size_t node;
    td_status status = td_channels_find(net, o->layer, &node, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", model);
    s->map = net->nodes[node].shape;
    if (!td_net_splits(net, node) || s->map.height * s->map.width < 2)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: %s: expected a layer of several positions that all later nodes read, "
                       "found none; --layer names another",
                       model, net->nodes[node].name);
    TD_TRY(td_net_head(net, job->model.weights, net->nodes[node].name, false, &s->head,
                       &s->head_weights, &job->run->arena, error));
    TD_TRY(td_net_tail(net, job->model.weights, node, &s->tail, &s->tail_weights, &job->run->arena,
                       error));
    TD_TRY(td_exec_new(&s->head_exec, &s->head, DETECT_BATCH, TD_FORWARD, error));
    td_exec_weights(s->head_exec, s->head_weights);
    TD_TRY(td_exec_new(&s->tail_exec, &s->tail, DETECT_BATCH, TD_BACKWARD_IMAGE, error));
    td_exec_weights(s->tail_exec, s->tail_weights);
    return TD_OK;
}

static td_status reserve(detect_job *job, sentinet *s, td_error *error) {
    const td_images *clean = &job->clean.images;
    const size_t size = td_image_size(clean), pixels = clean->height * clean->width;
    td_arena *arena = &job->run->arena;
    TD_TRY(td_arena_alloc(arena, s->count, size, (void **)&s->noise, "noise", error));
    TD_TRY(
        TD_ARENA_NEW(arena, DETECT_SLICE * s->map.height * s->map.width, &s->cam, "maps", error));
    TD_TRY(TD_ARENA_NEW(arena, DETECT_SLICE * pixels, &s->part, "maps", error));
    TD_TRY(TD_ARENA_NEW(arena, DETECT_SLICE, &s->classes, "classes", error));
    for (size_t i = 0; i < s->count; i++) {
        td_random random = td_random_for(job->run->common->seed, TD_FOR_DETECT, NOISE, (uint32_t)i);
        for (size_t k = 0; k < size; k++)
            s->noise[i * size + k] = (uint8_t)td_random_below(&random, 256);
    }
    return TD_OK;
}

static td_status prepare(detect_job *job, td_error *error) {
    const sentinet_settings *o = job->run->own;
    size_t pool;
    sentinet *s;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &s, "parts", error));
    job->state = s;
    TD_TRY(cut_net(job, s, error));
    TD_TRY(detect_take_half(job, &s->carriers, &pool, error));
    TD_TRY(detect_check_count(job, error));
    s->count = td_size_min(pool, o->carriers);
    TD_TRY(reserve(job, s, error));
    job->column_count = SCORES;
    job->columns[FOOLED] = (detect_column){.name = "fooled rate"};
    job->columns[CONFIDENCE] = (detect_column){.name = "confidence"};
    job->columns[BOUNDARY] = (detect_column){.name = "sentinet"};
    return learn(job, s, s->carriers, td_size_min(pool, MOST_FITTED), error);
}

static void close_detector(detect_job *job) {
    sentinet *s = job->state;
    if (!s)
        return;
    td_exec_free(s->head_exec);
    td_exec_free(s->tail_exec);
    td_net_free(&s->head);
    td_net_free(&s->tail);
}

static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    sentinet *s = job->state;
    (void)numbers;
    find_parts(job, s, images);
    for (size_t i = 0; i < images->count; i++) {
        double fooled, confidence;
        measure(job, s, images, i, &fooled, &confidence);
        scores[FOOLED * stride + i] = fooled;
        scores[CONFIDENCE * stride + i] = confidence;
        scores[BOUNDARY * stride + i] = above(s, fooled, confidence);
        TD_TRY(detect_advance(job, 1, error));
    }
    return TD_OK;
}

static void describe(const detect_job *job, json_t *calibration) {
    const sentinet *s = job->state;
    td_json *json = &job->run->record.json;
    td_json_set(json, calibration, "carriers", td_json_count(json, s->count));
    td_json_set(json, calibration, "boundary",
                td_json_pack(json, "[fff]", s->curve[0], s->curve[1], s->curve[2]));
}

static const detector sentinet_detector = {.score_name = "fooled rate above the boundary",
                                           .sign = 1,
                                           .rates = {0.01, 0.05, 0.1, 0.2},
                                           .prepare = prepare,
                                           .close = close_detector,
                                           .score = score,
                                           .calibrate = detect_calibrate_above,
                                           .describe = describe};

#define AT(field) offsetof(sentinet_settings, field)

static const td_key keys[] = {
    DETECT_FPR("0.05"),
    {"carriers", TD_KEY_COUNT, AT(carriers), .least = 1, .most = 10000, .standard = "100",
     .value = "N", .help = "Most clean images to lay the part over, and as many of noise"},
    {"cut", TD_KEY_REAL, AT(cut), .above = true, .most = 1, .standard = "0.85", .value = "S",
     .help = "The part is where the map has at least this share of its largest value"},
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "Find the part by this node of the net (the last convolution)"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "finds the decisive part of each input by Grad-CAM and lays it over other images. It flags "
    "inputs whose part sends more of these to the input's class than clean parts do. The record "
    "also has the results by the fooled rate and by the confidence on noise alone."
    "\v"
    "A trigger that is spread over the image is no part and is not found.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend sentinet --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-400 --benign fashion-mnist:test:400-600 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255";

const tool_method defend_sentinet = {
    .name = "sentinet",
    .title = "SentiNet",
    .source = "Chou, Tramèr and Pellegrino, IEEE S&P workshops 2020",
    .doc = "inputs with a part that also decides other images",
    .help = help,
    .family = &detectors,
    .groups = groups,
    .size = sizeof(sentinet_settings),
    .math = &sentinet_detector,
};
