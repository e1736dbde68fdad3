#include "defend/inspect/cleanse_schedule.h"

#include <math.h>

static const double FIRST_COST = 1e-3, RAISE = 2, PROGRESS = 0.99;
static const size_t STALE_PATIENCES = 5;

cleanse_schedule cleanse_schedule_start(size_t patience) {
    return (cleanse_schedule){.patience = patience, .smallest = INFINITY};
}

static void change_cost(cleanse_schedule *s) {
    const bool begins = s->cost == 0;
    if (s->up == s->patience) {
        s->cost = begins ? FIRST_COST : s->cost * RAISE;
        s->raised |= !begins;
        s->up = 0;
    } else if (s->down == s->patience) {
        s->cost /= RAISE * sqrt(RAISE);
        s->lowered |= !begins;
        s->down = 0;
    }
}

bool cleanse_schedule_step(cleanse_schedule *s, bool success, double smallest) {
    s->up = success ? s->up + 1 : 0;
    s->down = success ? 0 : s->down + 1;
    change_cost(s);
    if (isinf(smallest))
        return false;
    s->stale = smallest >= PROGRESS * s->smallest ? s->stale + success : 0;
    s->smallest = fmin(s->smallest, smallest);
    return s->raised && s->lowered && s->stale >= STALE_PATIENCES * s->patience;
}
