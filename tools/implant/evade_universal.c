/* SPDX-License-Identifier: MIT */
/* The small change, within an L2 ball, that sends images of all classes to one: the search of
 * trapdoor-defend universal. */
#include "implant/evade_change.h"

#include <math.h>

static const double RADIUS = 510; /* grey levels */

static void project(const evade_change *c, float *change) {
    double squares = 0;
    for (size_t k = 0; k < c->size; k++)
        squares += (double)change[k] * (double)change[k];
    const float by = squares > c->radius * c->radius ? (float)(c->radius / sqrt(squares)) : 1;
    for (size_t k = 0; k < c->size; k++)
        change[k] *= by;
}

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    evade_change *c = state;
    c->radius = RADIUS;
    c->step = RADIUS / 8;
    c->project = project;
    return evade_change_open(view, c, arena, units, error);
}

const evade_statistic evade_universal = {
    .name = "universal",
    .doc = "the margin that a change within a ball of the L2 norm gives each class",
    .search = true,
    .above = true,
    .size = sizeof(evade_change),
    .open = open,
    .advance = evade_change_advance,
    .values = evade_change_values,
    .push = evade_change_push,
};
