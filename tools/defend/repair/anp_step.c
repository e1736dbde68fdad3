/* SPDX-License-Identifier: MIT */
/* Steps of the noises and the masks. */
#include "base/random.h"
#include "defend/repair/anp.h"
#include <math.h>
#include <string.h>

enum { NOISE = 18 }; /* of TD_FOR_REPAIR */

td_status anp_open(anp_state *state, size_t channels, td_arena *arena, td_error *error) {
    float **arrays[] = {&state->noise, &state->shift, &state->by_noise, &state->by_shift,
                        &state->gradient};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, channels, arrays[i], "noises", error));
    return TD_OK;
}

void anp_draw(const masked *m, const anp_options *o, uint32_t step, anp_state *s) {
    td_random random = td_random_for(m->run->common->seed, TD_FOR_REPAIR, NOISE, step);
    for (size_t c = 0; c < m->norms.channels; c++) {
        s->noise[c] = (float)o->bound * (2 * td_random_unit(&random) - 1);
        s->shift[c] = (float)o->bound * (2 * td_random_unit(&random) - 1);
    }
}

static void ascend(float *noise, const float *gradient, size_t count, float step, float bound) {
    for (size_t c = 0; c < count; c++) {
        const float sign = (float)(gradient[c] > 0) - (float)(gradient[c] < 0);
        noise[c] = fminf(bound, fmaxf(-bound, noise[c] + step * sign));
    }
}

td_status anp_ascend(masked *m, const anp_options *o, anp_state *s, td_loss *loss,
                     td_error *error) {
    const float bound = (float)o->bound, step = (float)(o->bound / (double)o->ascents);
    TD_TRY(masked_pass(m, s->noise, s->shift, NULL, s->by_noise, s->by_shift, loss, error));
    ascend(s->noise, s->by_noise, m->norms.channels, step, bound);
    ascend(s->shift, s->by_shift, m->norms.channels, step, bound);
    return TD_OK;
}

td_status anp_step(masked *m, const anp_options *o, uint32_t step, anp_state *s, td_loss *loss,
                   td_error *error) {
    td_loss perturbed;
    anp_draw(m, o, step, s);
    for (size_t t = 0; t < o->ascents && o->bound > 0; t++)
        TD_TRY(anp_ascend(m, o, s, &perturbed, error));
    TD_TRY(masked_pass(m, s->noise, s->shift, NULL, s->by_noise, NULL, &perturbed, error));
    TD_TRY(masked_pass(m, NULL, NULL, NULL, s->gradient, NULL, loss, error));
    const float plain = (float)o->share;
    for (size_t c = 0; c < m->norms.channels; c++)
        s->gradient[c] = plain * s->gradient[c] + (1 - plain) * s->by_noise[c];
    masked_step(m, m->options.lr, s->gradient);
    return TD_OK;
}
