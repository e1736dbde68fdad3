/* SPDX-License-Identifier: MIT */
/* The annotations of GTSRB. */
#include "data/gtsrb_csv.h"
#include "fuzz.h"
#include <string.h>

static void check(const td_gtsrb_row *row) {
    const td_box *box = &row->box;
    FUZZ_ASSERT(row->name && *row->name && *row->name != '.' && !strchr(row->name, '/'));
    FUZZ_ASSERT(box->left < box->right && box->right <= row->width);
    FUZZ_ASSERT(box->top < box->bottom && box->bottom <= row->height);
    FUZZ_ASSERT(row->width <= TD_BITMAP_SIDE && row->height <= TD_BITMAP_SIDE);
    FUZZ_ASSERT(row->class_number < TD_GTSRB_CLASSES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_arena arena = {0};
    td_gtsrb_row *rows;
    size_t count;
    if (fuzz_succeeded(td_gtsrb_parse(&rows, &count, (const char *)data, size, &arena, &error),
                       &error))
        for (size_t i = 0; i < count; i++)
            check(&rows[i]);
    td_arena_free(&arena);
    return 0;
}
