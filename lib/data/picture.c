#include "data/picture.h"

#include "base/file.h"
#include "base/size.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const td_codec *const codecs[] = {&td_codec_png, &td_codec_jpeg, &td_codec_pnm};

enum { CODECS = sizeof codecs / sizeof *codecs };

static bool ends_in(const char *name, const char *ending) {
    size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcasecmp(name + length - tail, ending) == 0;
}

bool td_picture_is_name(const char *name) {
    for (size_t i = 0; i < CODECS; i++)
        for (const char *const *ending = codecs[i]->endings; *ending; ending++)
            if (ends_in(name, *ending))
                return true;
    return false;
}

static td_status fail_unknown(const uint8_t *bytes, size_t size, td_error *error) {
    enum { BYTES_SHOWN = 8 };
    char known[64] = "", found[3 * BYTES_SHOWN + 1] = "";
    for (size_t i = 0, used = 0; i < CODECS && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 codecs[i]->name);
    for (size_t i = 0; i < td_size_min(size, BYTES_SHOWN); i++)
        snprintf(found + 3 * i, sizeof found - 3 * i, " %02x", bytes[i]);
    return td_fail(error, TD_ERR_FORMAT,
                   "expected a picture of a known kind (%s), found a file that %s%s", known,
                   size ? "begins with" : "is empty", found);
}

td_status td_picture_decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    *bitmap = (td_bitmap){0};
    for (size_t i = 0; i < CODECS; i++) {
        if (!codecs[i]->recognise(bytes, size))
            continue;
        td_status status = codecs[i]->decode(bitmap, bytes, size, error);
        return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", codecs[i]->name);
    }
    return fail_unknown(bytes, size, error);
}

td_status td_picture_read(td_bitmap *bitmap, const char *path, td_error *error) {
    *bitmap = (td_bitmap){0};
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    td_status status = td_picture_decode(bitmap, map.data, map.size, error);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
