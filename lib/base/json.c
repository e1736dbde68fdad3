#include "base/json.h"

#include "base/file.h"

enum { LARGEST_FILE = 64 << 20 };

td_status td_json_parse(const char *text, size_t size, json_t **out, td_error *error) {
    json_error_t where;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (*out)
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT, "line %d column %d: expected JSON, found: %s", where.line,
                   where.column, where.text);
}

td_status td_json_read(const char *path, json_t **out, td_error *error) {
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    td_status status;
    if (map.size > LARGEST_FILE)
        status = td_fail(error, TD_ERR_FORMAT,
                         "%s: expected at most 64 MiB of JSON, found %zu bytes", path, map.size);
    else if ((status = td_json_parse((const char *)map.data, map.size, out, error)) != TD_OK)
        td_fail_within(error, status, "%s", path);
    td_map_close(&map);
    return status;
}

td_status td_json_write(FILE *stream, const json_t *value, td_error *error) {
    if (json_dumpf(value, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) != 0 ||
        fputc('\n', stream) == EOF)
        return td_fail(error, TD_ERR_IO, "writing JSON failed");
    return TD_OK;
}
