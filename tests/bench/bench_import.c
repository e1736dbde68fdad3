/* SPDX-License-Identifier: MIT */
/* Decodes every picture of a data set in parallel: the lower bound for importing it. Prints one
 * line of JSON. */
#include "base/json.h"
#include "base/parallel_try.h"
#include "data/listing.h"
#include "data/picture.h"
#include "frame/clock.h"
#include "frame/options.h"

enum { PICTURES_A_CHUNK = 32 };

typedef struct bench {
    const char *data;
    tool_common common;
    td_listing listing;
} bench;

static error_t parse(int key, char *text, struct argp_state *state) {
    bench *b = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &b->common;
        return 0;
    case ARGP_KEY_ARG:
        b->data = text;
        return 0;
    case ARGP_KEY_END:
        if (!b->data)
            tool_misuse("expected DATA, found nothing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static td_status decode(void *context, size_t index, td_error *error) {
    const bench *b = context;
    td_bitmap picture;
    if (tool_interrupted())
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    TD_TRY(td_picture_read(&picture, b->listing.images[index].path, error));
    td_bitmap_free(&picture);
    return TD_OK;
}

static td_status measure(bench *b, td_error *error) {
    bool found;
    double began = tool_monotonic_seconds();
    TD_TRY(td_listing_open(&b->listing, &found, b->data, "train", b->common.data_dir, error));
    if (!found)
        return td_fail(error, TD_ERR_USAGE, "%s: expected picture files, found another format",
                       b->data);
    double listed = tool_monotonic_seconds();
    TD_TRY(td_parallel_try(b->listing.count, PICTURES_A_CHUNK, decode, b, error));
    double ended = tool_monotonic_seconds();
    json_t *line = json_pack("{s:s, s:I, s:f, s:f, s:f}", "data", b->data, "pictures",
                             (json_int_t)b->listing.count, "listing_seconds", listed - began,
                             "decoding_seconds", ended - listed, "seconds", ended - began);
    td_status status = td_json_write(stdout, line, error);
    json_decref(line);
    return status;
}

int main(int argc, char **argv) {
    static const struct argp argp = {NULL, parse, "DATA", "Decode all pictures of DATA.\v",
                                     NULL, NULL,  NULL};
    bench b = {0};
    tool_parse(&argp, argc, argv, &b, &b.common);
    td_error error;
    td_status status = measure(&b, &error);
    td_listing_close(&b.listing);
    return tool_exit(status, &error);
}
