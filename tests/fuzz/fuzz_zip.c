/* SPDX-License-Identifier: MIT */
/* Zip archives: entries are within the file, do not overlap, and have unique names. */
#include "fuzz.h"
#include "model/zip.h"
#include <string.h>

static void check_entries(const td_zip *zip, const uint8_t *data, size_t size) {
    size_t bytes = 0;
    for (size_t i = 0; i < zip->count; i++) {
        td_zip_entry *entry = &zip->entries[i];
        td_error error = {""};
        FUZZ_ASSERT(entry->header < entry->end && entry->end <= size);
        FUZZ_ASSERT(entry->data + entry->packed == data + entry->end);
        FUZZ_ASSERT(td_zip_find(zip, entry->name) == entry);
        FUZZ_ASSERT(i == 0 || strcmp(zip->entries[i - 1].name, entry->name) < 0);
        bytes += entry->end - entry->header;
        if (fuzz_succeeded(td_zip_check(entry, &error), &error))
            fuzz_touch(entry->data, entry->size);
    }
    FUZZ_ASSERT(bytes <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_zip zip;
    td_arena arena = {0};
    if (fuzz_succeeded(td_zip_read(&zip, data, size, &arena, &error), &error))
        check_entries(&zip, data, size);
    td_arena_free(&arena);
    return 0;
}
