/* SPDX-License-Identifier: MIT */
#include "data/listing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lines of `sha256sum`, hashed one by one. */
typedef struct lines {
    const char *root;
    char *text;
    size_t room, used, count;
} lines;

static size_t line_size(const char *path) {
    return sizeof(td_digest) + strlen("  \n") + strlen(path);
}

/* The path relative to the root. */
static const char *below_root(const char *root, const char *path) {
    size_t length = strlen(root);
    if (strncmp(path, root, length) != 0)
        return path;
    path += length;
    while (*path == '/')
        path++;
    return path;
}

static void add_line(lines *l, const td_digest *digest, const char *path) {
    if (!digest->hex[0])
        return;
    int length = snprintf(l->text + l->used, l->room - l->used, "%s  %s\n", digest->hex,
                          below_root(l->root, path));
    l->used += length > 0 ? (size_t)length : 0;
    l->count++;
}

static void add_lines(lines *l, const td_listing *listing, const td_digest *digests) {
    for (size_t i = 0; listing->indices && listing->indices[i]; i++)
        add_line(l, &listing->index_digests[i], listing->indices[i]);
    for (size_t i = 0; i < listing->count; i++)
        add_line(l, &digests[i], listing->images[i].path);
}

td_status td_listing_digest(const td_listing *listing, const td_digest *digests, size_t *files,
                            td_digest *out, td_error *error) {
    lines l = {.root = listing->root, .room = 1};
    for (const char **index = listing->indices; index && *index; index++)
        l.room += line_size(*index);
    for (size_t i = 0; i < listing->count; i++)
        l.room += line_size(listing->images[i].path);
    l.text = malloc(l.room);
    if (!l.text)
        return td_fail_memory(error, "the checksum of many files");
    add_lines(&l, listing, digests);
    *out = td_sha256(l.text, l.used);
    *files = l.count;
    free(l.text);
    return TD_OK;
}
