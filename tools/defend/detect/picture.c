/* SPDX-License-Identifier: MIT */
/* The picture of --picture: the histogram of the benign images' scores (or the calibration images',
 * if there are no benign sets) overlaid with that of the suspects', each as shares of its own
 * images. */
#include "data/lettering.h"
#include "data/png.h"
#include "defend/detect/detect.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    RGB = 3,
    PAPER = 255,
    MARGIN = 10,
    LINE = TD_LETTERING_HEIGHT + 8,
    BAR = 15,
    HEIGHT = 200, /* of the highest bar */
    TOP = MARGIN + 4 * LINE,
    WIDTH = 2 * MARGIN + DETECT_BARS * BAR,
};

static const uint8_t blue[RGB] = {90, 150, 210}, red[RGB] = {215, 95, 80},
                     both[RGB] = {130, 75, 130}, black[RGB] = {30, 30, 30};

static void fill(td_bitmap *bitmap, size_t x, size_t y, size_t width, size_t height,
                 const uint8_t *colour) {
    for (size_t i = y; i < y + height; i++)
        for (size_t k = x; k < x + width; k++)
            memcpy(bitmap->pixels + (i * bitmap->width + k) * RGB, colour, RGB);
}

static void write_line(td_bitmap *bitmap, size_t x, size_t y, const char *text) {
    td_lettering_draw(bitmap, x, y, bitmap->width - x - MARGIN, TD_LETTERING_INK, text);
}

/* Calibration images stand in for benign images if there are none. */
static detect_kind harmless(const detect_verdict *v) {
    return v->scores[DETECT_BENIGN].count > 0 ? DETECT_BENIGN : DETECT_CALIBRATION;
}

static void draw_key(td_bitmap *bitmap, size_t x, const uint8_t *colour, const char *text) {
    fill(bitmap, x, MARGIN + 2 * LINE, LINE / 2, LINE / 2, colour);
    write_line(bitmap, x + LINE, MARGIN + 2 * LINE, text);
}

static void draw_legend(td_bitmap *bitmap, const detect_job *job, const detect_verdict *v) {
    char text[256];
    write_line(bitmap, MARGIN, MARGIN, detect_subject(job));
    snprintf(text, sizeof text, "%s: %s; the line: threshold %.4g", v->name,
             job->detector->score_name, v->threshold);
    write_line(bitmap, MARGIN, MARGIN + LINE, text);
    draw_key(bitmap, MARGIN, blue,
             harmless(v) == DETECT_BENIGN ? "benign" : "clean, for calibration");
    draw_key(bitmap, WIDTH / 3, red, "suspect");
    draw_key(bitmap, 2 * WIDTH / 3, both, "both");
}

/* Of its own images, `whole` being all of them. */
static double share(const detect_verdict *v, detect_kind kind, size_t bar, double whole) {
    const size_t count = v->scores[kind].count;
    return count > 0 ? whole * (double)v->bars[bar].counts[kind] / (double)count : 0;
}

static void draw_bars(td_bitmap *bitmap, const detect_verdict *v) {
    const detect_kind kind = harmless(v);
    double most = 0;
    for (size_t i = 0; i < DETECT_BARS; i++)
        most = fmax(most, fmax(share(v, kind, i, 1), share(v, DETECT_SUSPECT, i, 1)));
    for (size_t i = 0; i < DETECT_BARS; i++) {
        const size_t a = (size_t)lrint(share(v, kind, i, HEIGHT) / most),
                     b = (size_t)lrint(share(v, DETECT_SUSPECT, i, HEIGHT) / most),
                     low = a < b ? a : b;
        const size_t x = MARGIN + i * BAR, base = TOP + HEIGHT;
        fill(bitmap, x, base - a, BAR - 1, a, blue);
        fill(bitmap, x, base - b, BAR - 1, b, red);
        fill(bitmap, x, base - low, BAR - 1, low, both);
    }
    fill(bitmap, MARGIN, TOP + HEIGHT, DETECT_BARS * BAR, 1, black);
}

static void draw_scale(td_bitmap *bitmap, const detect_verdict *v) {
    char text[32];
    const double low = v->bars[0].from, high = v->bars[DETECT_BARS - 1].to,
                 along = (v->threshold - low) / (high - low);
    snprintf(text, sizeof text, "%.4g", low);
    write_line(bitmap, MARGIN, TOP + HEIGHT + 6, text);
    snprintf(text, sizeof text, "%.4g", high);
    write_line(bitmap, WIDTH - MARGIN - strlen(text) * TD_LETTERING_ADVANCE, TOP + HEIGHT + 6,
               text);
    if (along >= 0 && along <= 1)
        fill(bitmap, MARGIN + (size_t)(along * (DETECT_BARS * BAR - 1)), TOP - LINE / 2, 1,
             HEIGHT + LINE / 2, black);
}

td_status detect_draw(detect_job *job, const detect_verdict *v, td_error *error) {
    td_bitmap bitmap;
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&job->run->outputs, job->settings->picture, &stream, error));
    TD_TRY(td_bitmap_make(&bitmap, WIDTH, TOP + HEIGHT + LINE + MARGIN, RGB, error));
    memset(bitmap.pixels, PAPER, bitmap.width * bitmap.height * RGB);
    draw_legend(&bitmap, job, v);
    draw_bars(&bitmap, v);
    draw_scale(&bitmap, v);
    td_status status =
        td_name_stream(error, td_png_write(stream, &bitmap, error), stream, job->settings->picture);
    td_bitmap_free(&bitmap);
    return status == TD_OK ? tool_outputs_finish(&job->run->outputs, &job->run->record, error)
                           : status;
}
