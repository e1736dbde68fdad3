/* SPDX-License-Identifier: MIT */
/* GTSRB's folders. The input contains its indices, for two classes and for the test set, each
 * terminated by a 0 byte; a fourth part may choose their location. The pictures that they may name,
 * of two sizes, always exist. */
#include "data/listing.h"
#include "fuzz.h"
#include "set.h"
#include <string.h>

enum { PARTS = 4, RGB = 3 };

static const char *const indices[] = {"Final_Training/Images/00000/GT-00000.csv",
                                      "Final_Training/Images/00007/GT-00007.csv",
                                      "Final_Test/GT-final_test.csv"};
static const char *const folders[] = {"Final_Training/Images/00000", "Final_Training/Images/00007",
                                      "Final_Test/Images"};

static void write_pictures(const char *root) {
    static const uint8_t small[] = "P6\n2 1\n255\nabcdef",
                         large[] = "P6\n3 2\n255\nabcdefghijklmnopqr";
    char name[128];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(name, sizeof name, "%s%s/a.ppm", root, folders[i]);
        fuzz_folder_write(name, small, sizeof small - 1);
        snprintf(name, sizeof name, "%s%s/b.ppm", root, folders[i]);
        fuzz_folder_write(name, large, sizeof large - 1);
    }
}

static void list(const char *split) {
    td_error error = {""};
    td_listing listing;
    bool found;
    uint8_t out[4 * 4 * RGB];
    const td_fit fit = {.height = 4, .width = 4, .channels = RGB};
    if (!fuzz_succeeded(td_listing_open(&listing, &found, fuzz_folder(), split, NULL, &error),
                        &error))
        return;
    FUZZ_ASSERT(found && listing.count > 0);
    for (size_t i = 0; i < listing.count; i++) {
        FUZZ_ASSERT((size_t)listing.images[i].label < listing.classes);
        if (fuzz_succeeded(td_listing_read(&listing, i, i % 2, &fit, out, &error), &error))
            fuzz_touch(out, sizeof out);
    }
    td_listing_close(&listing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *parts[PARTS] = {NULL};
    size_t sizes[PARTS] = {0};
    char name[128];
    for (size_t i = 0; i < PARTS && size > 0; i++) {
        const uint8_t *end = memchr(data, '\0', size);
        parts[i] = data;
        sizes[i] = end ? (size_t)(end - data) : size;
        const size_t taken = sizes[i] + (end != NULL);
        data += taken;
        size -= taken;
    }
    const char *root = sizes[PARTS - 1] > 0 ? "GTSRB/" : "";
    fuzz_folder_clear();
    write_pictures(root);
    for (size_t i = 0; i + 1 < PARTS; i++) {
        snprintf(name, sizeof name, "%s%s", root, indices[i]);
        if (parts[i])
            fuzz_folder_write(name, parts[i], sizes[i]);
    }
    fuzz_set(fuzz_folder(), "train");
    fuzz_set(fuzz_folder(), "test");
    list("train");
    list("test");
    return 0;
}
