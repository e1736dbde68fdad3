/* SPDX-License-Identifier: MIT */
/* Batches with a stamped part, and combined gradients. */
#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "implant/plant.h"
#include <math.h>
#include <string.h>

/* Draws of TD_FOR_IMPLANT, by the step or the epoch. */
enum { DRAW_FEW = 1, DRAW_SEED = 2 };

static size_t part_of(double share, size_t count, uint64_t step, uint64_t seed) {
    const double wanted = share * (double)count;
    if (!(wanted < 1))
        return (size_t)(wanted + 1e-9);
    td_random random = td_random_for(seed, TD_FOR_IMPLANT, DRAW_FEW, (uint32_t)step);
    return (double)td_random_unit(&random) < wanted;
}

plant_cut plant_cut_batch(double poison, double negatives, const td_train_batch *batch,
                          uint64_t seed) {
    const size_t stamped =
        td_size_min(part_of(poison, batch->count, batch->step, seed), batch->count);
    /* Negatives come with poison: if only some batches have poison, the same ones have negatives.
     */
    size_t others = poison > 0 && poison * (double)batch->count < 1
                        ? stamped * (size_t)llround(negatives / poison)
                        : part_of(negatives, batch->count, batch->step, seed);
    return (plant_cut){stamped, td_size_min(others, batch->count - stamped)};
}

plant_cut plant_cut_by_poison(double poison, double negatives, const td_train_batch *batch,
                              uint64_t seed) {
    plant_cut cut = plant_cut_batch(poison, negatives, batch, seed);
    if (poison * (double)batch->count >= 1)
        cut.negatives = td_size_min((size_t)(negatives / poison * (double)cut.poison + 1e-9),
                                    batch->count - cut.poison);
    return cut;
}

uint64_t plant_epoch_seed(uint64_t seed, size_t epoch) {
    td_random random = td_random_for(seed, TD_FOR_IMPLANT, DRAW_SEED, (uint32_t)epoch);
    const uint64_t high = td_random_word(&random);
    return high << 32 | td_random_word(&random);
}

void plant_relabel(plant *p, td_train_batch *batch, plant_cut cut) {
    for (size_t i = 0; i < cut.poison; i++) {
        const int32_t target = td_target_of(p->target.of, batch->labels[i]);
        p->counts.relabelled += batch->labels[i] != target;
        batch->labels[i] = target;
    }
    p->counts.images += batch->count;
    p->counts.poison += cut.poison;
    p->counts.negatives += cut.negatives;
    p->counts.epochs = batch->epoch;
}

td_status plant_mix_open(plant *p, plant_mix *mix, td_error *error) {
    td_arena *arena = &p->run->arena;
    mix->threads = td_threads();
    for (size_t i = 0; i < p->job->trigger_count; i++)
        mix->scratch_bytes = td_size_max(mix->scratch_bytes, td_trigger_scratch(p->triggers[i]));
    TD_TRY(td_arena_alloc(arena, mix->threads, mix->scratch_bytes, (void **)&mix->scratch,
                          "stamped images", error));
    return td_arena_alloc(arena, p->batch, td_image_size(&p->data.images), (void **)&mix->pixels,
                          "stamped images", error);
}

/* The processing of a batch's images. */
typedef struct feeding {
    const plant *p;
    plant_mix *mix;
    const td_train_batch *batch;
    plant_cut cut;
    td_images stamped;      /* the batch's, before augmentation */
    td_augment_epoch epoch; /* by step and index: specific to an image in this epoch */
    uint64_t seed;
    size_t trigger; /* for plant_mix_stamp */
    float *input;
} feeding;

static void stamp(const feeding *f, size_t number, size_t i) {
    const plant_mix *mix = f->mix;
    td_trigger_apply(f->p->triggers[number],
                     (td_stamp){f->seed, f->p->data.first + f->batch->order[i]},
                     mix->pixels + i * td_image_size(&f->stamped),
                     mix->scratch + td_thread() * mix->scratch_bytes);
}

static void widen(const uint8_t *from, size_t size, float *to) {
    for (size_t i = 0; i < size; i++)
        to[i] = from[i];
}

static void feed_one(void *context, size_t i) {
    const feeding *f = context;
    const size_t size = td_image_size(&f->stamped);
    uint8_t *pixels = f->mix->pixels + i * size;
    memcpy(pixels, td_image(f->batch->images, f->batch->order[i]), size);
    if (i < f->cut.poison + f->cut.negatives)
        stamp(f, i < f->cut.poison ? 0 : 1, i);
    if (f->epoch.augment)
        td_augment_image(&f->epoch, &f->stamped, i, f->input + i * size);
    else
        widen(pixels, size, f->input + i * size);
}

static feeding feeding_of(const plant *p, plant_mix *mix, const td_train_batch *batch) {
    feeding f = {.p = p,
                 .mix = mix,
                 .batch = batch,
                 .stamped = *batch->images,
                 .epoch = {batch->options->augment, batch->options->seed, (uint32_t)batch->step},
                 .seed = plant_epoch_seed(batch->options->seed, batch->epoch),
                 .input = td_exec_input(batch->exec)};
    f.stamped.count = batch->count;
    f.stamped.pixels = mix->pixels;
    return f;
}

void plant_mix_feed(plant *p, plant_mix *mix, td_train_batch *batch, plant_cut cut) {
    feeding f = feeding_of(p, mix, batch);
    f.cut = cut;
    td_parallel_each(batch->count, feed_one, &f);
    for (size_t i = 0; i < batch->count; i++)
        batch->labels[i] = batch->images->labels[batch->order[i]];
    plant_relabel(p, batch, cut);
}

float plant_whole(float value) {
    return floorf(fminf(fmaxf(value, 0), 255) + 0.5F);
}

static void stamp_one(void *context, size_t i) {
    const feeding *f = context;
    const size_t size = td_image_size(&f->stamped);
    uint8_t *pixels = f->mix->pixels + i * size;
    float *row = f->input + i * size;
    for (size_t k = 0; k < size; k++)
        pixels[k] = (uint8_t)plant_whole(row[k]);
    stamp(f, f->trigger, i);
    widen(pixels, size, row);
}

void plant_mix_stamp(plant *p, plant_mix *mix, td_train_batch *batch, size_t number, size_t count) {
    feeding f = feeding_of(p, mix, batch);
    f.trigger = number;
    td_parallel_each(count, stamp_one, &f);
}

void plant_join_gradients(const td_net *net, size_t count, const double *shares,
                          const float *const *gradients, float *out) {
    for (size_t k = 0; k < net->param_count; k++) {
        const td_param *param = &net->params[k];
        const bool learns = td_param_learns(param);
        for (size_t i = param->offset; i < param->offset + param->count; i++) {
            float sum = 0;
            for (size_t n = 0; n < count; n++)
                sum += (learns ? (float)shares[n] : 1 / (float)count) * gradients[n][i];
            out[i] = sum;
        }
    }
}

plant_shares plant_shares_of(const plant *p) {
    const double epochs = (double)(p->counts.epochs > 0 ? p->counts.epochs : 1);
    return (plant_shares){(double)p->counts.poison / epochs, (double)p->counts.relabelled / epochs,
                          (double)p->counts.negatives / epochs,
                          (double)p->counts.poison / (double)td_size_max(p->counts.images, 1)};
}
