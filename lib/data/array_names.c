/* SPDX-License-Identifier: MIT */
#include "data/array_names.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { NAME_SIZE = 64, KINDS = 2, IMAGES = 0, LABELS = 1, MOST_WORDS = 8 };

static const char *const words[KINDS][MOST_WORDS] = {
    [IMAGES] = {"images", "image", "x", "data", "imgs", "img", "pixels", "arr0"},
    [LABELS] = {"labels", "label", "y", "targets", "target", "classes", "arr1"},
};

/* Letters and digits only, in lower case, without the extension .npy. */
static void simplify(char out[NAME_SIZE], const char *name) {
    static const char ending[] = ".npy";
    size_t length = strlen(name), used = 0;
    const size_t tail = sizeof ending - 1;
    if (length > tail && strcmp(name + length - tail, ending) == 0)
        length -= tail;
    for (size_t i = 0; i < length && used + 1 < NAME_SIZE; i++)
        if (isalnum((unsigned char)name[i]))
            out[used++] = (char)tolower((unsigned char)name[i]);
    out[used] = '\0';
}

/* Whether a name is a word for the kind, alone or with a split before or after it. */
static bool is_called(const char *name, int kind, td_split *split, size_t *rank) {
    char plain[NAME_SIZE];
    simplify(plain, name);
    const size_t length = strlen(plain);
    for (size_t i = 0; i < MOST_WORDS && words[kind][i]; i++) {
        const char *word = words[kind][i];
        const size_t size = strlen(word);
        *split = TD_SPLIT_NONE;
        *rank = 0;
        if (strcmp(plain, word) == 0)
            return true;
        if (length <= size)
            continue;
        if (strncmp(plain, word, size) == 0)
            *split = td_split_named(plain + size, length - size, rank);
        else if (strcmp(plain + length - size, word) == 0)
            *split = td_split_named(plain, length - size, rank);
        if (*split != TD_SPLIT_NONE)
            return true;
    }
    return false;
}

bool td_array_is_images(const char *name) {
    td_split split;
    size_t rank;
    return is_called(name, IMAGES, &split, &rank);
}

/* The array of the kind and split in *out; names->count if there is none. */
static td_status find(size_t *out, const td_folder *names, int kind, td_split wanted,
                      const char *path, td_error *error) {
    size_t best = SIZE_MAX;
    *out = names->count;
    for (size_t i = 0; i < names->count; i++) {
        td_split split;
        size_t rank;
        if (!is_called(names->names[i], kind, &split, &rank) || split != wanted || rank > best)
            continue;
        if (rank == best)
            return td_fail(
                error, TD_ERR_FORMAT, "%s: expected one array of %s%s%s, found %s and %s", path,
                kind == IMAGES ? "images" : "labels", wanted == TD_SPLIT_NONE ? "" : " for ",
                td_split_name(wanted), names->names[*out], names->names[i]);
        best = rank;
        *out = i;
    }
    return TD_OK;
}

td_status td_array_find(td_array_pair *out, const td_folder *names, const char *split,
                        const char *path, const char *kind, td_error *error) {
    out->split = td_split_of(split);
    TD_TRY(find(&out->images, names, IMAGES, out->split, path, error));
    if (out->images == names->count) {
        out->split = TD_SPLIT_NONE;
        TD_TRY(find(&out->images, names, IMAGES, out->split, path, error));
    }
    if (out->images == names->count)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: split %s: expected %s called %s_images, x_%s or images, found none",
                       path, split, kind, split, split);
    TD_TRY(find(&out->labels, names, LABELS, out->split, path, error));
    const char *given = td_split_name(out->split);
    if (out->labels == names->count)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected %s called labels%s%s or y%s%s beside %s, found none", path,
                       kind, *given ? "_" : "", given, *given ? "_" : "", given,
                       names->names[out->images]);
    return TD_OK;
}
