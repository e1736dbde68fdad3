/* SPDX-License-Identifier: MIT */
/* The recipes of controls: the given one, and variations of it. A model with unknown training is
 * compared with controls of several recipes, so that, for example, another learning rate does not
 * look like a backdoor. */
#include "base/random.h"
#include "defend/audit/controls.h"
#include <string.h>

enum { DRAW_IMAGES = 2 }; /* epoch of TD_FOR_SCREEN; index: the control */

/* The changes of a variation; 0 and NULL: none. */
typedef struct variation {
    const char *name;
    double epochs, batch, lr, images; /* factors */
    const char *augment, *optimizer, *schedule;
    double sgd_lr, weight_decay;
} variation;

static const variation variations[] = {
    {"base"},
    {"augmented", .augment = "shift=2"},
    {"longer", .epochs = 2},
    {"faster", .lr = 3},
    {"sgd", .optimizer = "sgd", .schedule = "cosine", .sgd_lr = 0.02},
    {"small", .images = 1.0 / 3, .epochs = 2},
    {"decay", .weight_decay = 5e-4},
    {"large-batch", .batch = 2},
};

enum { VARIATIONS = sizeof variations / sizeof *variations };

static size_t times(size_t count, double factor) {
    const double made = factor > 0 ? (double)count * factor : (double)count;
    return made < 1 ? 1 : (size_t)(made + 0.5);
}

static void vary(const variation *v, control_recipe *r) {
    td_train_options *o = &r->training.options;
    o->epochs = times(o->epochs, v->epochs);
    o->batch = times(o->batch, v->batch);
    o->step.lr *= v->lr > 0 ? v->lr : 1;
    r->count = times(r->count, v->images);
    if (v->optimizer) {
        o->optimizer = td_optimizer_find(v->optimizer);
        o->step.lr = v->sgd_lr;
    }
    if (v->schedule)
        o->schedule = td_schedule_find(v->schedule);
    if (v->weight_decay > 0)
        o->step.weight_decay = v->weight_decay;
    if (v->augment)
        r->training.augment = v->augment;
}

td_status control_recipe_of(const controls_settings *settings, const td_images *images,
                            uint64_t seed, size_t number, control_recipe *out, td_error *error) {
    const variation *v = &variations[settings->recipes ? number % VARIATIONS : 0];
    *out = (control_recipe){
        .name = v->name,
        .training = settings->training,
        .count = settings->images > 0 && settings->images < images->count ? settings->images
                                                                          : images->count,
        .draw = td_random_for(seed, TD_FOR_SCREEN, DRAW_IMAGES, (uint32_t)number),
        .seed = seed + number};
    vary(v, out);
    out->training.options.seed = out->seed;
    if (!out->training.augment)
        return TD_OK;
    TD_TRY(td_augment_parse(&out->training.augmentation, out->training.augment, error));
    out->training.options.augment = &out->training.augmentation;
    return td_augment_check(&out->training.augmentation, images, error);
}
