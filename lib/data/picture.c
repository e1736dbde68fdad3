/* SPDX-License-Identifier: MIT */
#include "data/picture.h"

#include "base/file.h"
#include "base/size.h"
#include "data/orientation.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

const td_codec *const td_codecs[] = {&td_codec_png, &td_codec_jpeg, &td_codec_webp, &td_codec_gif,
                                     &td_codec_bmp, &td_codec_tiff, &td_codec_pnm,  NULL};

/* Picture formats that are not supported but recognised, so that the message can name them. */
static const struct stranger {
    const char *name;
    size_t offset;
    const char *bytes;
} strangers[] = {
    {"AVIF", 4, "ftypavif"},
    {"HEIC", 4, "ftyphei"},
    {"HEIC", 4, "ftypmif1"},
    {"JPEG 2000", 4, "jP  "},
    {"JPEG XL", 4, "JXL "},
    {"JPEG XL", 0, "\xff\x0a"},
    {"a Photoshop document", 0, "8BPS"},
    {"PDF", 0, "%PDF"},
    {"a zip archive", 0, "PK\3\4"},
    {"SVG", 0, "<svg"},
    {"XML, perhaps SVG", 0, "<?xml"},
    {"a page of HTML", 0, "<!DOCTYPE"},
    {"a page of HTML", 0, "<!doctype"},
    {"a page of HTML", 0, "<html"},
    {"a pointer of Git LFS in place of the file (`git lfs pull` gets it)", 0,
     "version https://git-lfs"},
};

static bool ends_in(const char *name, const char *ending) {
    size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcasecmp(name + length - tail, ending) == 0;
}

bool td_picture_is_name(const char *name) {
    for (const td_codec *const *codec = td_codecs; *codec; codec++)
        for (const char *const *ending = (*codec)->endings; *ending; ending++)
            if (ends_in(name, *ending))
                return true;
    return false;
}

static const char *name_stranger(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        const struct stranger *s = &strangers[i];
        const size_t length = strlen(s->bytes);
        if (size >= s->offset + length && memcmp(bytes + s->offset, s->bytes, length) == 0)
            return s->name;
    }
    return NULL;
}

static td_status fail_unknown(const uint8_t *bytes, size_t size, td_error *error) {
    enum { BYTES_SHOWN = 8 };
    char known[64] = "", found[3 * BYTES_SHOWN + 1] = "";
    for (size_t i = 0, used = 0; td_codecs[i] && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 td_codecs[i]->name);
    const char *stranger = name_stranger(bytes, size);
    if (stranger)
        return td_fail(error, TD_ERR_FORMAT, "expected a picture of a known kind (%s), found %s",
                       known, stranger);
    for (size_t i = 0; i < td_size_min(size, BYTES_SHOWN); i++)
        snprintf(found + 3 * i, sizeof found - 3 * i, " %02x", bytes[i]);
    return td_fail(error, TD_ERR_FORMAT,
                   "expected a picture of a known kind (%s), found a file that %s%s", known,
                   size ? "begins with" : "is empty", found);
}

td_status td_picture_decode_stored(td_bitmap *bitmap, const uint8_t *bytes, size_t size,
                                   td_error *error) {
    *bitmap = (td_bitmap){0};
    for (const td_codec *const *codec = td_codecs; *codec; codec++) {
        if (!(*codec)->recognise(bytes, size))
            continue;
        td_status status = (*codec)->decode(bitmap, bytes, size, error);
        return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", (*codec)->name);
    }
    return fail_unknown(bytes, size, error);
}

td_status td_picture_decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error) {
    TD_TRY(td_picture_decode_stored(bitmap, bytes, size, error));
    td_status status = td_orientation_apply(bitmap, bitmap->orientation, error);
    if (status != TD_OK)
        td_bitmap_free(bitmap);
    return status;
}

td_status td_picture_read(td_bitmap *bitmap, const char *path, td_error *error) {
    *bitmap = (td_bitmap){0};
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    td_status status = td_picture_decode(bitmap, map.data, map.size, error);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", path);
}
