/* SPDX-License-Identifier: MIT */
/* A step of NFT. */
#include "base/random.h"
#include "base/size.h"
#include "defend/repair/nft.h"
#include <math.h>
#include <string.h>

enum { MIX = 19 }; /* of TD_FOR_REPAIR */

void nft_bound(masked *m, const nft_options *o) {
    for (size_t i = 0; i < m->norms.count; i++) {
        const double least = o->scale * exp(-o->decay * (double)(i + 1));
        for (size_t c = 0; c < m->norms.list[i].channels; c++)
            m->least[m->norms.list[i].first + c] = (float)fmin(1, least);
    }
}

double nft_rate(const masked *m, const nft_options *o, size_t step) {
    const double turn = acos(-1) * (double)step / (double)o->iterations;
    return o->last_lr + (m->options.lr - o->last_lr) * (1 + cos(turn)) / 2;
}

td_status nft_open(nft_state *s, masked *m, td_error *error) {
    const size_t batch = m->options.batch, classes = td_net_classes(&m->net);
    const size_t pixels = td_shape_size(td_net_input(&m->net));
    TD_TRY(TD_ARENA_NEW(&m->arena, batch, &s->order, "images", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, batch, &s->partners, "images", error));
    TD_TRY(td_arena_alloc(&m->arena, batch, pixels * sizeof *s->pixels, (void **)&s->pixels,
                          "images", error));
    TD_TRY(td_arena_alloc(&m->arena, batch, classes * sizeof *s->soft, (void **)&s->soft, "labels",
                          error));
    return TD_ARENA_NEW(&m->arena, m->norms.channels, &s->gradient, "masks", error);
}

/* Mixes the batch and its labels (Zhang et al. 2018). */
static void mix(masked *m, size_t step, nft_state *s) {
    const size_t pixels = td_shape_size(td_net_input(&m->net)), classes = td_net_classes(&m->net);
    td_random random = td_random_for(m->run->common->seed, TD_FOR_REPAIR, MIX, (uint32_t)step);
    const float share = td_random_unit(&random);
    float *input = m->pixels;
    td_random_permutation(&random, s->partners, (uint32_t)m->count);
    memcpy(s->pixels, input, m->count * pixels * sizeof *input);
    memset(s->soft, 0, m->count * classes * sizeof *s->soft);
    for (size_t i = 0; i < m->count; i++) {
        const size_t other = s->partners[i];
        for (size_t p = 0; p < pixels; p++)
            input[i * pixels + p] =
                share * input[i * pixels + p] + (1 - share) * s->pixels[other * pixels + p];
        s->soft[i * classes + (size_t)m->labels[i]] += share;
        s->soft[i * classes + (size_t)m->labels[other]] += 1 - share;
    }
}

td_status nft_step(masked *m, const nft_options *o, size_t step, nft_state *s, td_loss *loss,
                   td_error *error) {
    const double of_class = (double)m->images->count / (double)td_net_classes(&m->net);
    const float pull = (float)(o->penalty / of_class);
    masked_draw(m, (uint32_t)step, s->order);
    mix(m, step, s);
    TD_TRY(masked_pass(m, NULL, NULL, s->soft, s->gradient, NULL, loss, error));
    masked_follow(m);
    for (size_t c = 0; c < m->norms.channels; c++)
        s->gradient[c] -= m->masks[c] < 1 ? pull : 0;
    masked_step(m, nft_rate(m, o, step), s->gradient);
    return TD_OK;
}
