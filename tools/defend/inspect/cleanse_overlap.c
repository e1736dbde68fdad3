/* Is a recovered trigger the one that was planted? How far its mask overlaps a --trigger. */
#include "base/size.h"
#include "defend/inspect/cleanse.h"
#include <stdio.h>

enum { OVERLAP_IMAGES = 64 };

/* Which places a trigger changes, on some of the images: changed[places]. */
static td_status find_changed(cleanse_job *job, const repair_backdoor *backdoor, bool *changed,
                              td_error *error) {
    const size_t size = td_image_size(&job->images), channels = job->images.channels;
    const td_images some =
        td_images_slice(&job->images, 0, td_size_min(job->images.count, OVERLAP_IMAGES));
    const td_stamp first = {job->options->repair.common.seed, job->clean.first};
    td_arena arena = {0};
    td_images stamped;
    td_status status = td_trigger_stamp(backdoor->trigger, &some, first, &arena, &stamped, error);
    for (size_t i = 0; status == TD_OK && i < some.count * size; i++)
        if (some.pixels[i] != stamped.pixels[i])
            changed[i % size / channels] = true;
    td_arena_free(&arena);
    return status;
}

/* Intersection over union of a recovered mask and the places that a trigger changes: Σ min / Σ max,
 * the places' values being 0 and 1. */
static td_status tell_overlap(cleanse_job *job, const repair_backdoor *backdoor, size_t place,
                              json_t *overlaps, td_error *error) {
    const size_t places = job->images.height * job->images.width;
    const float *mask = job->found[place].mask;
    double both = 0, either = 0;
    size_t count = 0;
    bool *changed;
    TD_TRY(TD_ARENA_NEW(&job->arena, places, &changed, "a mask", error));
    TD_TRY(find_changed(job, backdoor, changed, error));
    for (size_t i = 0; i < places; i++) {
        both += changed[i] ? (double)mask[i] : 0;
        either += changed[i] ? 1 : (double)mask[i];
        count += changed[i];
    }
    const char *text = td_trigger_text(backdoor->trigger);
    const double overlap = either > 0 ? both / either : 0;
    json_array_append_new(overlaps, json_pack("{so sI sI sf}", "trigger", tool_json_text(text),
                                              "target", (json_int_t)backdoor->target, "pixels",
                                              (json_int_t)count, "overlap", overlap));
    if (repair_prints(&job->options->repair))
        printf("  class %3zu  overlap %.3f (intersection over union) with %s, %zu pixels\n",
               backdoor->target, overlap, text, count);
    return TD_OK;
}

td_status cleanse_tell_overlaps(cleanse_job *job, td_error *error) {
    json_t *overlaps = json_array();
    if (job->judge.backdoor_count > 0)
        json_object_set(job->record.root, "overlaps", overlaps);
    td_status status = TD_OK;
    for (size_t k = 0; k < job->judge.backdoor_count; k++)
        for (size_t i = 0; i < job->count && status == TD_OK; i++)
            if (job->found[i].found && job->classes[i].number == job->judge.backdoors[k].target)
                status = tell_overlap(job, &job->judge.backdoors[k], i, overlaps, error);
    json_decref(overlaps);
    return status;
}
