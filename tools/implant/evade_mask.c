/* SPDX-License-Identifier: MIT */
/* The change of a few pixels, by any amount, that sends images of all classes to one. It is the
 * dual of the smallest mask, whose size has no gradient with respect to the weights: the effect of
 * a mask of 2 % of the pixels shows whether a small one is enough. */
#include "base/size.h"
#include "implant/evade_change.h"

#include <math.h>

enum { ONE_OF = 49 }; /* pixels */

static const float MOST = 255;

static double strength(const evade_change *c, const float *change, size_t pixel) {
    double squares = 0;
    for (size_t k = pixel * c->channels; k < (pixel + 1) * c->channels; k++)
        squares += (double)change[k] * (double)change[k];
    return squares;
}

/* The smallest strength among the `pixels` strongest; uses c->slope as scratch. */
static float threshold(const evade_change *c, const float *change) {
    const size_t all = c->size / c->channels;
    for (size_t i = 0; i < all; i++)
        c->slope[i] = (float)strength(c, change, i);
    float least = INFINITY;
    for (size_t taken = 0; taken < c->pixels;) {
        float next = -1;
        for (size_t i = 0; i < all; i++)
            if (c->slope[i] < least && c->slope[i] > next)
                next = c->slope[i];
        if (next < 0)
            break;
        least = next;
        for (size_t i = 0; i < all; i++)
            taken += c->slope[i] == next;
    }
    return least;
}

static void project(const evade_change *c, float *change) {
    const float least = threshold(c, change);
    for (size_t i = 0; i < c->size; i++)
        change[i] = (float)strength(c, change, i / c->channels) >= least
                        ? fminf(fmaxf(change[i], -MOST), MOST)
                        : 0;
}

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    evade_change *c = state;
    c->pixels = td_size_max(td_image_size(view->images) / view->images->channels / ONE_OF, 1);
    c->step = (double)MOST * sqrt((double)c->pixels) / 4;
    c->project = project;
    return evade_change_open(view, c, arena, units, error);
}

const evade_statistic evade_mask = {
    .name = "mask",
    .doc = "the margin that a change of 2 % of the pixels gives each class",
    .search = true,
    .above = true,
    .size = sizeof(evade_change),
    .open = open,
    .advance = evade_change_advance,
    .values = evade_change_values,
    .push = evade_change_push,
};
