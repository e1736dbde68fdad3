/* SPDX-License-Identifier: MIT */
/* Index files: the input is one, for a folder with a few pictures, in the layout chosen by its
 * first byte. Whatever the index says, listed pictures are inside the folder. */
#include "base/parallel.h"
#include "data/listing.h"
#include "fuzz.h"
#include "set.h"
#include <string.h>

static const char picture[] = "P5 1 1 255\n\7";

static void write_pictures(const char *folder) {
    static const char *const names[] = {"0.pgm", "1.pgm", "a b.pgm", "x/2.pgm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s%s", folder, names[i]);
        fuzz_folder_write(path, (const uint8_t *)picture, sizeof picture - 1);
    }
}

/* The path of a listed picture begins with the folder and does not leave it. */
static void check_inside(const char *path) {
    const size_t length = strlen(fuzz_folder());
    FUZZ_ASSERT(strncmp(path, fuzz_folder(), length) == 0 && path[length] == '/');
    for (const char *part = path + length; part; part = strchr(part + 1, '/'))
        FUZZ_ASSERT(strncmp(part, "/..", 3) != 0 || (part[3] != '/' && part[3] != '\0'));
}

static void list(const char *split) {
    td_error error = {""};
    td_listing listing;
    bool found;
    char data[4096];
    snprintf(data, sizeof data, "%s:%s", fuzz_folder(), split);
    if (!fuzz_succeeded(td_listing_open(&listing, &found, data, "train", NULL, &error), &error))
        return;
    for (size_t i = 0; i < listing.count; i++) {
        FUZZ_ASSERT((size_t)listing.images[i].label < listing.classes);
        check_inside(listing.images[i].path);
    }
    td_listing_close(&listing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const char *index, *folder, *split;
    } layouts[] = {{"labels.csv", "", ""},
                   {"labels.txt", "images/", ""},
                   {"train.tsv", "train/", "train"},
                   {"val_annotations.txt", "images/", "test"}};
    const size_t layout = size > 0 ? *data % (sizeof layouts / sizeof *layouts) : 0;
    fuzz_folder_clear();
    write_pictures(layouts[layout].folder);
    if (size > 0)
        fuzz_folder_write(layouts[layout].index, data + 1, size - 1);
    td_set_threads(1);
    fuzz_set(fuzz_folder(), *layouts[layout].split ? layouts[layout].split : "train");
    list(layouts[layout].split);
    return 0;
}
