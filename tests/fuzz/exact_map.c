/* SPDX-License-Identifier: MIT */
/* td_map_open and td_map_close, wrapped by the linker: copy a file to memory of its exact size, so
 * that AddressSanitizer detects reads past its end and LeakSanitizer a file that is not closed;
 * with a mapping, whose last page is padded, neither would. */
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

td_status __real_td_map_open(td_map *map, const char *path, td_error *error);
void __real_td_map_close(td_map *map);
td_status __wrap_td_map_open(td_map *map, const char *path, td_error *error);
void __wrap_td_map_close(td_map *map);

td_status __wrap_td_map_open(td_map *map, const char *path, td_error *error) {
    td_map real;
    *map = (td_map){0};
    TD_TRY(__real_td_map_open(&real, path, error));
    if (real.size == 0) {
        *map = real;
        return TD_OK;
    }
    uint8_t *copy = malloc(real.size);
    if (copy) {
        memcpy(copy, real.data, real.size);
        *map = (td_map){copy, real.size};
    }
    __real_td_map_close(&real);
    return copy ? TD_OK : td_fail_memory(error, "a copy of a file");
}

void __wrap_td_map_close(td_map *map) {
    if (map->size > 0)
        free((void *)map->data);
    *map = (td_map){0};
}
