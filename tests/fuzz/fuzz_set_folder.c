/* SPDX-License-Identifier: MIT */
/* Data sets that are folders: IDX, CIFAR, NumPy arrays, GTSRB, pictures by class. The input is the
 * files, each as "FILE:" with its path and a newline, then its content. */
#include "base/parallel.h"
#include "data/listing.h"
#include "fuzz.h"
#include "set.h"
#include <string.h>

enum { MOST_FILES = 16, LONGEST_NAME = 64, MOST_LEVELS = 4, RGB = 3, FILTERS = TD_LANCZOS + 1 };

static const char marker[] = "FILE:";

/* The next marker from `at` on, or `size`. */
static size_t find_marker(const uint8_t *data, size_t size, size_t at) {
    size_t length = sizeof marker - 1;
    for (; at + length <= size; at++)
        if (memcmp(data + at, marker, length) == 0)
            return at;
    return size;
}

/* Plain characters, no hidden part (so no ".." either), not too deep. */
static bool take_name(char name[LONGEST_NAME + 1], const uint8_t *data, size_t length) {
    size_t levels = 0;
    if (length == 0 || length > LONGEST_NAME || data[length - 1] == '/')
        return false;
    for (size_t i = 0; i < length; i++) {
        bool starts = i == 0 || data[i - 1] == '/';
        if (data[i] <= ' ' || data[i] >= 0x7f || (starts && (data[i] == '.' || data[i] == '/')))
            return false;
        levels += data[i] == '/';
    }
    memcpy(name, data, length);
    name[length] = '\0';
    return levels <= MOST_LEVELS;
}

static void unpack(const uint8_t *data, size_t size) {
    size_t begin = find_marker(data, size, 0);
    for (size_t i = 0; begin < size && i < MOST_FILES; i++) {
        char name[LONGEST_NAME + 1];
        size_t start = begin + sizeof marker - 1, end = find_marker(data, size, start);
        const uint8_t *newline = memchr(data + start, '\n', end - start);
        size_t length = newline ? (size_t)(newline - data) - start : 0;
        if (newline && take_name(name, data + start, length))
            fuzz_folder_write(name, newline + 1, end - start - length - 1);
        begin = end;
    }
}

/* Like `trapdoor-data import`: crops and resizes, with a different filter each time. */
static void read_listed(const td_listing *listing, size_t index) {
    const td_fit fit = {
        .height = 3, .width = 5, .channels = RGB, .filter = (td_filter)(index % FILTERS)};
    uint8_t out[3 * 5 * RGB];
    for (int cut = 0; cut < 2; cut++) {
        td_error error = {""};
        if (fuzz_succeeded(td_listing_read(listing, index, cut, &fit, out, &error), &error))
            fuzz_touch(out, sizeof out);
    }
}

static void list(const char *folder) {
    td_error error = {""};
    td_listing listing;
    bool found;
    if (!fuzz_succeeded(td_listing_open(&listing, &found, folder, "train", NULL, &error), &error))
        return;
    FUZZ_ASSERT(!found || listing.count > 0);
    for (size_t i = 0; i < listing.count; i++) {
        FUZZ_ASSERT((size_t)listing.images[i].label < listing.classes);
        read_listed(&listing, i);
    }
    td_listing_close(&listing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_folder_clear();
    unpack(data, size);
    td_set_threads(1);
    fuzz_set(fuzz_folder(), "train");
    fuzz_set(fuzz_folder(), "test");
    list(fuzz_folder());
    return 0;
}
