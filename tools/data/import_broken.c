/* SPDX-License-Identifier: MIT */
/* --skip-broken: a first pass over all pictures. */
#include "import.h"

#include "base/parallel_try.h"
#include <stdlib.h>
#include <string.h>

enum { PICTURES_A_CHUNK = 32 };

typedef struct pass {
    const import_source *source;
    char **reasons; /* [source->count], malloc'd */
} pass;

static bool is_broken(td_status status) {
    return status == TD_ERR_FORMAT || status == TD_ERR_IO;
}

static td_status try_picture(void *context, size_t index, td_error *error) {
    const pass *p = context;
    td_read_picture picture;
    td_error reason;
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    td_status status =
        td_listing_decode(&p->source->listing, index, false, false, &picture, &reason);
    if (status == TD_OK) {
        td_bitmap_free(&picture.bitmap);
        return TD_OK;
    }
    if (!is_broken(status))
        return td_fail(error, status, "%s", reason.message);
    p->reasons[index] = strdup(reason.message);
    return p->reasons[index] ? TD_OK : td_fail_memory(error, "the list of broken pictures");
}

/* Moves the texts to the run's arena. */
static td_status keep(import_source *source, tool_run *run, char *const *reasons, td_error *error) {
    const char *first = NULL;
    TD_TRY(TD_ARENA_NEW(&run->arena, source->count, &source->broken, "broken pictures", error));
    for (size_t i = 0; i < source->count; i++) {
        char *copy;
        if (!reasons[i])
            continue;
        TD_TRY(td_arena_text(&run->arena, reasons[i], strlen(reasons[i]), &copy, error));
        source->broken[i] = copy;
        source->broken_count++;
        first = first ? first : copy;
    }
    if (source->broken_count < source->count)
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT,
                   "--skip-broken: expected a sound picture, found none of %zu; the first: %s",
                   source->count, first);
}

td_status import_source_find_broken(import_source *source, tool_run *run, td_error *error) {
    if (!source->is_listing)
        return TD_OK;
    pass p = {source, calloc(source->count, sizeof *p.reasons)};
    if (!p.reasons)
        return td_fail_memory(error, "broken pictures");
    td_status status = td_parallel_try(source->count, PICTURES_A_CHUNK, try_picture, &p, error);
    if (status == TD_OK)
        status = keep(source, run, p.reasons, error);
    for (size_t i = 0; i < source->count; i++)
        free(p.reasons[i]);
    free(p.reasons);
    return status;
}
