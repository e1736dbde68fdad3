/* SPDX-License-Identifier: MIT */
/* `replay FOLDER`: passes every file of a corpus, and an empty input, to the target that it is
 * linked with. TAP on stdout; a violated property aborts, which shows as missing results. */
#include "base/arena.h"
#include "base/file.h"
#include "data/folder.h"
#include "fuzz.h"

static td_status replay(const char *folder, const char *name, td_error *error) {
    char path[TD_PATH_SIZE];
    td_map map;
    TD_TRY(td_folder_join(path, folder, name, error));
    TD_TRY(td_map_open(&map, path, error));
    LLVMFuzzerTestOneInput(map.data, map.size);
    td_map_close(&map);
    return TD_OK;
}

int main(int argc, char **argv) {
    td_arena arena = {0};
    td_folder files = {0};
    td_error error = {""};
    td_status status = argc == 2 ? td_folder_read(&files, argv[1], &arena, &error)
                                 : td_fail(&error, TD_ERR_USAGE, "expected one folder");
    if (status == TD_OK && files.count == 0)
        status = td_fail(&error, TD_ERR_IO, "%s: expected files, found none", argv[1]);
    if (status == TD_OK)
        printf("1..%zu\n", files.count + 1);
    for (size_t i = 0; i < files.count && status == TD_OK; i++) {
        fflush(stdout);
        status = replay(argv[1], files.names[i], &error);
        if (status == TD_OK)
            printf("ok %zu - %s\n", i + 1, files.names[i]);
    }
    if (status == TD_OK) {
        fflush(stdout);
        LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
        printf("ok %zu - nothing\n", files.count + 1);
    } else {
        printf("Bail out! %s\n", error.message);
    }
    td_arena_free(&arena);
    return status == TD_OK ? 0 : 1;
}
