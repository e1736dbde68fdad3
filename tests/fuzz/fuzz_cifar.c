/* SPDX-License-Identifier: MIT */
/* CIFAR's files. Records have 3 kB, so the input describes them in a few bytes: the first byte
 * chooses the layout, followed by six parts, each after its length: the class names, and the labels
 * of each file. A record's pixels follow from its index. */
#include "data/dataset.h"
#include "fuzz.h"
#include "set.h"
#include <stdlib.h>
#include <string.h>

enum { PLANE = 32 * 32, PIXELS = 3 * PLANE, MOST_RECORDS = 12, FILES = 5 };

/* Bits of the first byte. */
enum { CIFAR_100 = 1, SUBFOLDER = 2, NAMES = 4, IS_CUT = 8, IS_TEST = 16 };

static const char *const tens[FILES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin"};

typedef struct part {
    const uint8_t *bytes;
    size_t size;
} part;

static part take(const uint8_t **data, size_t *size) {
    part p = {*data, 0};
    if (*size > 0) {
        p.size = **data < *size - 1 ? **data : *size - 1;
        p.bytes = *data + 1;
        *data += p.size + 1;
        *size -= p.size + 1;
    }
    return p;
}

/* The pixels of each record, and of the first one as they are in a set. Made once. */
static uint8_t pixels[MOST_RECORDS][PIXELS], first[PIXELS];

static void make_pixels(void) {
    if (pixels[0][1])
        return;
    for (size_t i = 0; i < MOST_RECORDS; i++)
        for (size_t k = 0; k < PIXELS; k++)
            pixels[i][k] = (uint8_t)(31 * i + 7 * (k / PLANE) + k % PLANE);
    for (size_t k = 0; k < PIXELS; k++)
        first[3 * (k % PLANE) + k / PLANE] = pixels[0][k];
}

/* One label byte per record, or two. */
static void write_records(const char *name, const part *labels, size_t label_bytes, bool cut) {
    static uint8_t file[MOST_RECORDS * (2 + PIXELS)];
    size_t size = 0;
    for (size_t i = 0; i < labels->size / label_bytes && i < MOST_RECORDS; i++) {
        for (size_t k = 0; k < label_bytes; k++)
            file[size++] = labels->bytes[i * label_bytes + k];
        memcpy(file + size, pixels[i], PIXELS);
        size += PIXELS;
    }
    fuzz_folder_write(name, file, size - (cut && size > 0));
}

/* The first image of a split is the first record of its first file. */
static void check_pixels(const char *split) {
    td_error error = {""};
    td_dataset set;
    if (!fuzz_succeeded(td_dataset_open(&set, fuzz_folder(), split, NULL, &error), &error))
        return;
    FUZZ_ASSERT(memcmp(set.images.pixels, first, PIXELS) == 0);
    td_dataset_close(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char name[64];
    const uint8_t choice = size > 0 ? *data : 0;
    const bool hundred = choice & CIFAR_100, test = choice & IS_TEST;
    const char *folder = !(choice & SUBFOLDER) ? ""
                         : hundred             ? "cifar-100-binary/"
                                               : "cifar-10-batches-bin/";
    fuzz_folder_clear();
    make_pixels();
    data += size > 0;
    size -= size > 0;
    const part names = take(&data, &size);
    snprintf(name, sizeof name, "%s%s", folder,
             hundred ? "fine_label_names.txt" : "batches.meta.txt");
    if (choice & NAMES)
        fuzz_folder_write(name, names.bytes, names.size);
    const size_t files = test || hundred ? 1 : FILES;
    for (size_t i = 0; i < files; i++) {
        const part labels = take(&data, &size);
        const char *one =
            hundred ? (test ? "test.bin" : "train.bin") : (test ? "test_batch.bin" : tens[i]);
        snprintf(name, sizeof name, "%s%s", folder, one);
        write_records(name, &labels, hundred ? 2 : 1, (choice & IS_CUT) && i + 1 == files);
    }
    fuzz_set(fuzz_folder(), test ? "test" : "train");
    check_pixels(test ? "test" : "train");
    return 0;
}
