/* Unlearning (Wang et al. 2019, section VI-C): the model is trained on with clean images, a share
 * of which carry the recovered trigger, as it was found and not as a picture of 8 bits, with their
 * true labels. Images of the trigger's class never carry it: they would teach it. */
#include "base/random.h"
#include "defend/inspect/cleanse.h"
#include <stdio.h>
#include <string.h>

/* Stamps images of other classes, in a random order from *next on; returns how many. */
static size_t choose(const cleanse_job *job, size_t target, size_t wanted, const uint32_t *order,
                     size_t *next, uint32_t *numbers) {
    size_t count = 0;
    for (; count < wanted && *next < job->images.count; (*next)++)
        if ((size_t)job->images.labels[order[*next]] != target)
            numbers[count++] = order[*next];
    return count;
}

/* The clean images; numbers[]: those that get the trigger of found[place]. */
static td_status stamp(const cleanse_job *job, size_t place, const uint32_t *numbers, size_t count,
                       uint8_t *pixels, td_error *error) {
    const size_t size = td_image_size(&job->images);
    td_arena arena = {0};
    uint8_t *stamped;
    td_status status = td_arena_alloc(&arena, count, size, (void **)&stamped, "images", error);
    if (status == TD_OK)
        status = cleanse_stamp(&job->images, numbers, count, &job->found[place], stamped, error);
    for (size_t i = 0; status == TD_OK && i < count; i++)
        memcpy(pixels + numbers[i] * size, stamped + i * size, size);
    td_arena_free(&arena);
    return status;
}

static td_status make_images(cleanse_job *job, td_images *out, size_t *stamped, td_error *error) {
    const td_images *images = &job->images;
    const size_t each =
        (size_t)(job->options->share * (double)images->count / (double)job->patched_count + 0.5);
    uint32_t *order, *numbers;
    uint8_t *pixels;
    size_t next = 0;
    TD_TRY(TD_ARENA_NEW(&job->arena, images->count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, images->count, &numbers, "images", error));
    TD_TRY(td_arena_alloc(&job->arena, images->count, td_image_size(images), (void **)&pixels,
                          "images", error));
    memcpy(pixels, images->pixels, images->count * td_image_size(images));
    td_random random =
        td_random_for(job->options->repair.common.seed, TD_FOR_CLEANSE, CLEANSE_DRAW_SHARE, 0);
    td_random_permutation(&random, order, (uint32_t)images->count);
    *stamped = 0;
    for (size_t i = 0; i < job->patched_count; i++) {
        const size_t place = job->patched[i];
        size_t count = choose(job, job->classes[place].number, each, order, &next, numbers);
        TD_TRY(stamp(job, place, numbers, count, pixels, error));
        *stamped += count;
    }
    *out = *images;
    out->pixels = pixels;
    return TD_OK;
}

td_status cleanse_unlearn(cleanse_job *job, float **weights, td_error *error) {
    const cleanse_options *o = job->options;
    const size_t count = job->model.net.weight_count;
    td_images images;
    size_t stamped;
    TD_TRY(make_images(job, &images, &stamped, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, count, weights, "weights", error));
    memcpy(*weights, job->model.weights, count * sizeof **weights);
    const tune_run run = {.options = &o->tune,
                          .seed = o->repair.common.seed,
                          .quiet = o->repair.common.quiet,
                          .what = "unlearning"};
    TD_TRY(tune_model(&run, &job->model.net, *weights, &images, error));
    json_object_set_new(job->record.root, "patch",
                        json_pack("{ss so sI sI}", "how", "unlearn", "classes",
                                  cleanse_patched_json(job), "images", (json_int_t)images.count,
                                  "stamped", (json_int_t)stamped));
    if (repair_prints(&o->repair))
        printf("unlearned for %zu epochs on %zu images, %zu of them with a recovered trigger and "
               "their true labels\n",
               o->tune.epochs, images.count, stamped);
    return TD_OK;
}
