/* The patch (Chen et al. 2019, section 4.4): the model is trained on with images a share of which
 * carry generated triggers of the flagged classes, with their right labels. Images of a trigger's
 * class never carry it: they would teach it. */
#include "base/random.h"
#include "defend/inspect/deepinspect.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Epoch of TD_FOR_GENERATE: the order in which images are stamped. */
static const uint32_t order_epoch = UINT32_MAX - 1;

static void add_change(uint8_t *pixels, const float *change, size_t size) {
    for (size_t k = 0; k < size; k++) {
        const float sum = (float)pixels[k] + change[k];
        pixels[k] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

/* Stamps up to `each` images of other classes than `target`, in the order from *next on; returns
 * how many. */
static size_t stamp(const td_images *images, uint8_t *pixels, const search_class *found,
                    size_t target, size_t each, const uint32_t *order, size_t *next) {
    const size_t size = td_image_size(images);
    size_t count = 0;
    for (; count < each && *next < images->count; (*next)++) {
        const uint32_t i = order[*next];
        if ((size_t)images->labels[i] == target)
            continue;
        add_change(pixels + i * size, found->triggers + count % SEARCH_KEPT * size, size);
        count++;
    }
    return count;
}

static td_status make_images(deepinspect_job *job, const td_images *images, td_images *out,
                             size_t *stamped, td_error *error) {
    const double each = job->options->share * (double)images->count / (double)job->verdict.flagged;
    const size_t bytes = images->count * td_image_size(images);
    uint32_t *order;
    uint8_t *pixels;
    size_t next = 0;
    TD_TRY(TD_ARENA_NEW(&job->arena, images->count, &order, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, bytes, &pixels, "images", error));
    memcpy(pixels, images->pixels, bytes);
    td_random random =
        td_random_for(job->options->repair.common.seed, TD_FOR_GENERATE, order_epoch, 0);
    td_random_permutation(&random, order, (uint32_t)images->count);
    *stamped = 0;
    for (size_t t = 0; t < job->count; t++)
        if (job->classes[t].flagged)
            *stamped +=
                stamp(images, pixels, &job->found[t], t, (size_t)(each + 0.5), order, &next);
    *out = *images;
    out->pixels = pixels;
    return TD_OK;
}

static td_status tell(deepinspect_job *job, size_t count, size_t stamped, td_error *error) {
    const deepinspect_options *o = job->options;
    json_t *flagged = json_object_get(job->record.root, "flagged");
    json_t *patch =
        json_pack("{ss sO sI sI}", "images_of", o->repair.clean ? "clean" : "inverted", "classes",
                  flagged, "images", (json_int_t)count, "stamped", (json_int_t)stamped);
    if (json_object_set_new(job->record.root, "patch", patch) != 0)
        return td_fail_memory(error, "the record");
    if (repair_prints(&o->repair))
        printf("patched for %zu epochs on %zu %s images, %zu of them with a generated trigger and "
               "their right labels\n",
               o->tune.epochs, count, o->repair.clean ? "clean" : "inverted", stamped);
    return TD_OK;
}

td_status deepinspect_patch(deepinspect_job *job, float **weights, td_error *error) {
    const deepinspect_options *o = job->options;
    const size_t count = job->model.net.weight_count;
    td_images images = job->inverted.images, mixed;
    size_t stamped;
    if (o->repair.clean)
        TD_TRY(repair_clean(&job->judge, &job->clean, "--clean", &job->arena, &images, error));
    TD_TRY(make_images(job, &images, &mixed, &stamped, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, count, weights, "weights", error));
    memcpy(*weights, job->model.weights, count * sizeof **weights);
    const tune_run run = {.options = &o->tune,
                          .seed = o->repair.common.seed,
                          .quiet = o->repair.common.quiet,
                          .what = "patching"};
    TD_TRY(tune_model(&run, &job->model.net, *weights, &mixed, error));
    return tell(job, images.count, stamped, error);
}
