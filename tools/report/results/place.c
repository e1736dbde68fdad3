/* SPDX-License-Identifier: MIT */
#include "report/results/place.h"

#include "base/size.h"
#include <math.h>

static const double inside = 2;  /* spreads */
static const double swings = 20; /* points */

size_t place_epochs(size_t epochs) {
    return td_size_min(PLACE_EPOCHS, (epochs + 1) / 2);
}

place_spread place_spread_of(const double *values, size_t count) {
    place_spread ours = {.count = count, .least = values[0], .most = values[0]};
    verdict_mean(values, count, &ours.mean, &ours.deviation);
    for (size_t i = 1; i < count; i++) {
        ours.least = fmin(ours.least, values[i]);
        ours.most = fmax(ours.most, values[i]);
    }
    return ours;
}

place_found place_of(const verdict_figure *figure, const place_spread *ours) {
    const double half = 0.5 * pow(10, -figure->digits), spread = fmax(ours->deviation, half),
                 above = (figure->value - ours->mean) / spread;
    const bool kept = figure->bound == '>' ? above < 0 : figure->bound == '<' && above > 0;
    const double hair = 1e-9; /* tolerance for decimal figures as doubles */
    if (ours->count < 2)
        return (place_found){PLACE_NONE, 0};
    return (place_found){kept || fabs(above) <= inside + hair ? PLACE_INSIDE
                         : above > 0                          ? PLACE_ABOVE
                                                              : PLACE_BELOW,
                         fabs(above)};
}

bool place_swings(const place_spread *ours) {
    return ours->deviation > swings;
}

const char *place_name(place_side side) {
    static const char *const names[PLACE_SIDES] = {"none", "inside", "above", "below"};
    return names[side];
}
