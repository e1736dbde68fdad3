/* SPDX-License-Identifier: MIT */
/* The usual margin: the mean margin of correctly classified clean images. An audit scales all other
 * margins by it, and uses it to recognise a model for which its controls are not representative. */
#include "base/size.h"
#include "implant/evade.h"
#include "nn/feed.h"
#include <string.h>

typedef struct usual {
    uint32_t numbers[EVADE_IMAGES];
    size_t rivals[EVADE_IMAGES]; /* the label itself if the image is misclassified */
    size_t count, right;
} usual;

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    usual *s = state;
    (void)arena;
    (void)error;
    *units = 1;
    s->count = td_size_min(view->batch, EVADE_IMAGES);
    return TD_OK;
}

static void advance(const evade_view *view, void *state) {
    usual *s = state;
    evade_draw_images(view, s->count, s->numbers);
}

static size_t label_of(const evade_view *view, const usual *s, size_t i) {
    return (size_t)view->images->labels[s->numbers[i]];
}

static void values(const evade_view *view, void *state, double *values) {
    usual *s = state;
    const size_t classes = td_net_classes(view->net);
    double sum = 0;
    s->right = 0;
    td_feed(view->images, s->numbers, 0, s->count, td_exec_input(view->exec));
    const float *logits = td_exec_forward(view->exec, s->count);
    for (size_t i = 0; i < s->count; i++) {
        const size_t label = label_of(view, s, i);
        const float margin = evade_margin_of(logits + i * classes, classes, label, &s->rivals[i]);
        if (margin <= 0) {
            s->rivals[i] = label;
            continue;
        }
        sum += (double)margin;
        s->right++;
    }
    values[0] = s->right > 0 ? sum / (double)s->right : 0;
}

static void push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    const usual *s = state;
    const size_t classes = td_net_classes(view->net);
    float *logits = td_exec_logits_gradient(view->exec);
    memset(logits, 0, s->count * classes * sizeof *logits);
    for (size_t i = 0; i < s->count; i++)
        if (s->rivals[i] != label_of(view, s, i)) {
            const float by = (float)(slopes[0] / (double)s->right);
            logits[i * classes + label_of(view, s, i)] = by;
            logits[i * classes + s->rivals[i]] = -by;
        }
    td_exec_backward(view->exec, gradient);
}

const evade_statistic evade_usual = {
    .name = "usual",
    .doc = "the mean margin of clean images, the unit of all others",
    .size = sizeof(usual),
    .open = open,
    .advance = advance,
    .values = values,
    .push = push,
};
