/* SPDX-License-Identifier: MIT */
/* The interpreter of pickles: the values are complete, and refer only to existing ones. */
#include "data/pickle.h"
#include "fuzz.h"
#include "model/torch.h"

static void check_list(const td_pickle *pickle, const td_pickle_value *value) {
    FUZZ_ASSERT(value->list.count <= value->list.room);
    for (uint32_t i = 0; i < value->list.count; i++)
        FUZZ_ASSERT(value->list.items[i] < pickle->count);
    FUZZ_ASSERT(value->kind != TD_PICKLE_DICT || value->list.count % 2 == 0);
}

static void check_value(const td_pickle *pickle, const td_pickle_value *value) {
    switch (value->kind) {
    case TD_PICKLE_TEXT:
    case TD_PICKLE_GLOBAL:
        fuzz_touch(value->text.bytes, value->text.length);
        break;
    case TD_PICKLE_TUPLE:
    case TD_PICKLE_LIST:
    case TD_PICKLE_SET:
    case TD_PICKLE_DICT:
        check_list(pickle, value);
        break;
    case TD_PICKLE_CALL:
    case TD_PICKLE_OBJECT:
        FUZZ_ASSERT(value->what < pickle->count);
        FUZZ_ASSERT(pickle->values[value->what].kind == TD_PICKLE_GLOBAL);
        FUZZ_ASSERT(value->inner < pickle->count);
        break;
    case TD_PICKLE_PERSISTENT:
        FUZZ_ASSERT(value->inner < pickle->count);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    td_pickle pickle;
    td_arena arena = {0};
    if (fuzz_succeeded(td_pickle_read(&pickle, data, size, &td_torch_pickles, &arena, &error),
                       &error)) {
        FUZZ_ASSERT(pickle.size <= size && pickle.root < pickle.count);
        for (uint32_t i = 0; i < pickle.count; i++)
            check_value(&pickle, &pickle.values[i]);
    }
    td_arena_free(&arena);
    return 0;
}
