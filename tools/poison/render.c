/* SPDX-License-Identifier: MIT */
/* Stamps the items of an output, and measures their similarity to the originals. */
#include "poison.h"

#include "base/parallel.h"
#include "base/size.h"
#include "measure/similarity.h"
#include <math.h>
#include <string.h>

enum { BLOCK_IMAGES = 4096, BLOCK_BYTES = 1 << 26, ALIGNMENT = 64 };

size_t poison_scratch(const poison_plan *plan) {
    size_t bytes = 0;
    for (size_t i = 0; i < plan->settings->triggers.count; i++)
        bytes = td_size_max(bytes, td_trigger_scratch(plan->triggers[i]));
    if (plan->cover_trigger)
        bytes = td_size_max(bytes, td_trigger_scratch(plan->cover_trigger));
    return bytes;
}

void poison_render(const poison_plan *plan, const poison_item *item, uint8_t *pixels,
                   void *scratch) {
    const td_images *images = &plan->source.images;
    const td_trigger *trigger = item->backdoor < 0 ? NULL : plan->backdoors[item->backdoor].trigger;
    td_stamp stamp = {plan->run->common->seed, plan->source.first + item->source};
    memcpy(pixels, item->pixels ? item->pixels : td_image(images, item->source),
           td_image_size(images));
    if (trigger && item->turn > 0)
        td_trigger_apply_turn(trigger, item->turn - 1, stamp, pixels, scratch);
    else if (trigger)
        td_trigger_apply(trigger, stamp, pixels, scratch);
}

void poison_stamp_source(const poison_plan *plan, const td_trigger *trigger, size_t source,
                         uint8_t *pixels, void *scratch) {
    const td_stamp stamp = {plan->run->common->seed, plan->source.first + source};
    memcpy(pixels, td_image(&plan->source.images, source), td_image_size(&plan->source.images));
    td_trigger_apply(trigger, stamp, pixels, scratch);
}

/* A stamped image compared with its original. */
typedef struct difference {
    double psnr, ssim;
    int linf;
} difference;

/* An output being rendered, block by block. */
typedef struct rendering {
    poison_plan *plan;
    const poison_output *output;
    size_t done, block;      /* items rendered before this block; most in a block */
    uint8_t *pixels;         /* [block, image] */
    difference *differences; /* of each item of the output, where measured; or NULL */
    char *scratch;           /* [threads, trigger_bytes + similarity_bytes] */
    size_t trigger_bytes, similarity_bytes;
    size_t before; /* images of other outputs done, for the progress */
    td_arena arena;
} rendering;

static void render_one(void *context, size_t i) {
    const rendering *work = context;
    const td_images *images = &work->plan->source.images;
    size_t size = td_image_size(images);
    char *scratch = work->scratch + td_thread() * (work->trigger_bytes + work->similarity_bytes);
    const poison_item *item = &work->output->items[work->done + i];
    const uint8_t *original = td_image(images, item->source);
    uint8_t *pixels = work->pixels + i * size;
    poison_render(work->plan, item, pixels, scratch);
    if (item->backdoor < 0 || !work->differences)
        return;
    work->differences[work->done + i] = (difference){
        .psnr = td_psnr(original, pixels, size),
        .ssim = td_ssim(original, pixels, images->height, images->width, images->channels,
                        (double *)(void *)(scratch + work->trigger_bytes)),
        .linf = td_linf(original, pixels, size),
    };
}

/* Sums up, in item order, for the backdoors that no earlier output
 * has shown. */
static void sum_up(poison_plan *plan, const poison_output *output, const difference *differences) {
    for (size_t i = 0; i < output->count; i++) {
        if (output->items[i].backdoor < 0)
            continue;
        poison_similarity *similarity = &plan->backdoors[output->items[i].backdoor].similarity;
        const difference *one = &differences[i];
        bool changed = isfinite(one->psnr);
        similarity->ssim_least =
            similarity->images ? fmin(similarity->ssim_least, one->ssim) : one->ssim;
        similarity->images++;
        similarity->unchanged += !changed;
        similarity->psnr += changed ? one->psnr : 0;
        similarity->ssim += one->ssim;
        if (one->linf > similarity->linf)
            similarity->linf = one->linf;
    }
}

/* Whether the output contains changed images that are not measured yet. */
static bool has_news(const poison_plan *plan, const poison_output *output) {
    for (size_t i = 0; i < output->count; i++) {
        int32_t backdoor = output->items[i].backdoor;
        if (backdoor >= 0)
            return (plan->backdoors[backdoor].trigger || output->items[i].pixels) &&
                   !plan->backdoors[backdoor].similarity.images;
    }
    return false;
}

static td_status start(rendering *work, td_error *error) {
    const td_images *images = &work->plan->source.images;
    size_t size = td_image_size(images), count = work->output->count;
    size_t values = td_ssim_scratch(images->height, images->width, images->channels);
    work->block = td_size_max(1, td_size_min(BLOCK_IMAGES, BLOCK_BYTES / size));
    work->block = td_size_min(work->block, count);
    work->trigger_bytes = poison_scratch(work->plan);
    work->similarity_bytes = td_chunks(values * sizeof(double), ALIGNMENT) * ALIGNMENT;
    TD_TRY(td_arena_alloc(&work->arena, work->block, size, (void **)&work->pixels, "stamped images",
                          error));
    TD_TRY(td_arena_alloc(&work->arena, td_threads(), work->trigger_bytes + work->similarity_bytes,
                          (void **)&work->scratch, "stamped images", error));
    return has_news(work->plan, work->output)
               ? TD_ARENA_NEW(&work->arena, count, &work->differences, "stamped images", error)
               : TD_OK;
}

/* For td_pieces. */
static td_status next_block(void *context, const void **piece, size_t *bytes, td_error *error) {
    rendering *work = context;
    size_t count = td_size_min(work->block, work->output->count - work->done);
    TD_TRY(tool_run_go_on(work->plan->run, work->before + work->done, work->output->name, error));
    td_parallel_each(count, render_one, work);
    work->done += count;
    *piece = work->pixels;
    *bytes = count * td_image_size(&work->plan->source.images);
    return TD_OK;
}

static td_status write_blocks(rendering *work, FILE *stream, td_error *error) {
    const td_dataset *source = &work->plan->source;
    const poison_output *output = work->output;
    td_images images = source->images;
    td_pieces pixels = {next_block, work};
    int32_t *labels;
    TD_TRY(start(work, error));
    TD_TRY(TD_ARENA_NEW(&work->arena, output->count, &labels, "the labels", error));
    for (size_t i = 0; i < output->count; i++)
        labels[i] = output->items[i].label;
    images.count = output->count;
    images.labels = labels;
    TD_TRY(td_dataset_write_pieces(stream, &images, &pixels, source->class_names, source->name,
                                   source->split, error));
    if (work->differences)
        sum_up(work->plan, output, work->differences);
    return TD_OK;
}

td_status poison_render_output(poison_plan *plan, const poison_output *output, FILE *stream,
                               size_t before, td_error *error) {
    rendering work = {.plan = plan, .output = output, .before = before};
    td_status status = write_blocks(&work, stream, error);
    td_arena_free(&work.arena);
    return status;
}
