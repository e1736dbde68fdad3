/* SPDX-License-Identifier: MIT */
/* The texts of generators. */
#include "implant/painter.h"

#include <stdio.h>

enum { TEXT = 1 << 14 };

/* A text under construction. */
typedef struct writer {
    char *text;
    size_t used;
    int node; /* the number of the last node */
    char last[16];
} writer;

/* Appends `NAME = OPERATOR(last) KEYS`, which becomes the last node. */
static void add(writer *w, const char *operator, const char * keys) {
    char name[16];
    snprintf(name, sizeof name, "n%d", ++w->node);
    w->used += (size_t)snprintf(w->text + w->used, TEXT - w->used, "%s = %s(%s)%s%s\n",
                                name, operator, w->last, *keys ? " " : "", keys);
    snprintf(w->last, sizeof w->last, "%s", name);
}

static void add_norm(writer *w, bool relu) {
    add(w, "batch-norm", "momentum=0.05");
    if (relu)
        add(w, "relu", "");
}

/* A 3×3 convolution with its norm. */
static void add_conv(writer *w, size_t out, bool relu) {
    char keys[64];
    snprintf(keys, sizeof keys, "out=%zu kernel=3 pad=1", out);
    add(w, "conv", keys);
    add_norm(w, relu);
}

/* Kernel 4 and stride 2: halves or doubles the sides. */
static void add_scaling(writer *w, const char *operator, size_t out) {
    char keys[64];
    snprintf(keys, sizeof keys, "out=%zu kernel=4 stride=2 pad=1", out);
    add(w, operator, keys);
}

static td_status begin(writer *w, td_shape image, td_arena *arena, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, TEXT, &w->text, "a net", error));
    w->used = (size_t)snprintf(w->text, TEXT, "input = image() height=%zu width=%zu channels=%zu\n",
                               image.height, image.width, image.channels);
    snprintf(w->last, sizeof w->last, "input");
    add(w, "scale", "by=1/255");
    return TD_OK;
}

static void end(writer *w) {
    add(w, "tanh", "");
    add(w, "flatten", "");
}

size_t painter_levels(td_shape image, size_t most) {
    size_t levels = 0;
    while (levels < most && (image.height >> levels) % 2 == 0 && (image.width >> levels) % 2 == 0)
        levels++;
    return levels;
}

td_status painter_unet(td_shape image, size_t levels, size_t width, size_t channels,
                       td_arena *arena, const char **text, td_error *error) {
    writer w = {0};
    TD_TRY(begin(&w, image, arena, error));
    for (size_t level = 0; level < levels; level++) {
        add_conv(&w, width << level, true);
        add_conv(&w, width << level, true);
        add(&w, "max-pool", "size=2");
    }
    add_conv(&w, width << (levels - 1), true);
    for (size_t level = levels; level-- > 0;) {
        add_scaling(&w, "conv-transpose", width << level);
        add_norm(&w, true);
        add_conv(&w, level > 0 ? width << (level - 1) : channels, level > 0);
    }
    end(&w);
    *text = w.text;
    return TD_OK;
}

td_status painter_autoencoder(td_shape image, size_t levels, size_t width, td_arena *arena,
                              const char **text, td_error *error) {
    writer w = {0};
    TD_TRY(begin(&w, image, arena, error));
    for (size_t level = 0; level < levels; level++) {
        add_scaling(&w, "conv", width << level);
        add_norm(&w, true);
    }
    for (size_t level = levels - 1; level > 0; level--) {
        add_scaling(&w, "conv-transpose", width << (level - 1));
        add_norm(&w, true);
    }
    add_scaling(&w, "conv-transpose", image.channels);
    end(&w);
    *text = w.text;
    return TD_OK;
}
