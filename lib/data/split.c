/* SPDX-License-Identifier: MIT */
#include "data/split.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { MOST_NAMES = 5 };

static const char *const names[TD_SPLITS][MOST_NAMES] = {
    [TD_SPLIT_TRAIN] = {"train", "training"},
    [TD_SPLIT_TEST] = {"test", "testing", "val", "valid", "validation"},
};

const char *td_split_name(td_split split) {
    static const char *const known[] = {"train", "test", ""};
    return known[split];
}

td_split td_split_of(const char *name) {
    return strcmp(name, "test") == 0 ? TD_SPLIT_TEST : TD_SPLIT_TRAIN;
}

td_split td_split_named(const char *text, size_t length, size_t *rank) {
    for (int split = 0; split < TD_SPLITS; split++)
        for (size_t i = 0; i < MOST_NAMES && names[split][i]; i++)
            if (strlen(names[split][i]) == length &&
                strncasecmp(text, names[split][i], length) == 0) {
                if (rank)
                    *rank = i;
                return (td_split)split;
            }
    return TD_SPLIT_NONE;
}

td_split td_split_in(const char *name, size_t *rank) {
    for (const char *word = name; *word;) {
        size_t length = 0;
        while (isalpha((unsigned char)word[length]))
            length++;
        const td_split found = td_split_named(word, length, rank);
        if (found != TD_SPLIT_NONE)
            return found;
        word += length ? length : 1;
    }
    return TD_SPLIT_NONE;
}

td_status td_split_find(size_t *out, const td_folder *found, td_split split, const char *path,
                        td_error *error) {
    size_t best = MOST_NAMES, rank = 0;
    *out = found->count;
    for (size_t i = 0; i < found->count; i++) {
        const char *name = found->names[i];
        if (td_split_named(name, strlen(name), &rank) != split || rank > best)
            continue;
        if (rank == best)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected one folder for the split %s, found \"%s\" and \"%s\"",
                           path, td_split_name(split), found->names[*out], name);
        best = rank;
        *out = i;
    }
    return TD_OK;
}
