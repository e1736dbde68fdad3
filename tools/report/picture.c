#include "report/picture.h"

#include "base/file.h"
#include "data/picture.h"
#include "report/html.h"
#include <nettle/base64.h>
#include <string.h>

enum {
    SMALL = 112,     /* pixels that a small picture is enlarged to, at least, in whole steps */
    PNG_SIZES = 16,  /* where the header has width and height */
    GROUP = 3 << 10, /* bytes that are encoded at a time */
};

static const char *base_of(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static uint32_t read_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* TD_OK for a PNG within the limits whose whole content can be decoded. */
static td_status check(const td_map *map, size_t *width, size_t *height, td_error *error) {
    td_bitmap bitmap;
    if (map->size > REPORT_PICTURE_BYTES)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a picture of at most %d MiB, found %zu bytes",
                       REPORT_PICTURE_BYTES >> 20, map->size);
    if (map->size < PNG_SIZES + 8 || !td_codec_png.recognise(map->data, map->size))
        return td_fail(error, TD_ERR_FORMAT, "expected a PNG picture, found something else");
    *width = read_u32(map->data + PNG_SIZES);
    *height = read_u32(map->data + PNG_SIZES + 4);
    if (*width > REPORT_PICTURE_SIDE || *height > REPORT_PICTURE_SIDE)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d pixels a side, found %zux%zu",
                       REPORT_PICTURE_SIDE, *width, *height);
    TD_TRY(td_picture_decode(&bitmap, map->data, map->size, error));
    td_bitmap_free(&bitmap);
    return TD_OK;
}

static void write_base64(FILE *out, const uint8_t *bytes, size_t size) {
    char text[BASE64_ENCODE_RAW_LENGTH(GROUP)];
    for (size_t i = 0; i < size; i += GROUP) {
        size_t part = size - i < GROUP ? size - i : GROUP;
        base64_encode_raw(text, part, bytes + i);
        fwrite(text, 1, BASE64_ENCODE_RAW_LENGTH(part), out);
    }
}

bool picture_write(report *r, const report_file *file, const char *label) {
    td_error error;
    td_map map;
    size_t width = 0, height = 0;
    td_status status = td_map_open(&map, file->path, &error);
    if (status == TD_OK)
        status = check(&map, &width, &height, &error);
    if (status != TD_OK) {
        report_trouble_add(r, file->name, error.message);
        td_map_close(&map);
        return false;
    }
    size_t scale = width < SMALL ? (SMALL + width - 1) / width : 1;
    fprintf(r->out, "<img%s width=\"%zu\" height=\"%zu\" alt=\"",
            scale > 1 ? " class=\"small\"" : "", width * scale, height * scale);
    html_text(r->out, label);
    fputs("\" src=\"data:image/png;base64,", r->out);
    write_base64(r->out, map.data, map.size);
    fputs("\">", r->out);
    td_map_close(&map);
    r->picture_shown++;
    return true;
}

static void write_figure(report *r, const report_file *file) {
    fputs("<figure class=\"picture\">", r->out);
    if (!picture_write(r, file, base_of(file->name)))
        fputs("<p class=\"note\">This picture cannot be shown.</p>", r->out);
    fputs("<figcaption>", r->out);
    html_text(r->out, file->name);
    fputs("</figcaption></figure>\n", r->out);
}

static bool ends(const char *name, const char *ending) {
    size_t length = strlen(name), least = strlen(ending);
    return length > least && strcmp(name + length - least, ending) == 0;
}

/* Charts that a tool drew of numbers that the page draws as well. */
static bool is_chart(const report_file *file) {
    return ends(file->name, "-confusion.png") || ends(file->name, "-pairs.png") ||
           ends(file->name, "-targets.png");
}

static bool is_next(const report_picture *picture, const report_record *record, bool charts) {
    return !picture->shown && picture->record == record && is_chart(&picture->file) == charts;
}

static void write_gallery(report *r, const report_record *record, bool charts) {
    size_t shown = 0;
    for (size_t i = 0; i < r->picture_count; i++) {
        report_picture *picture = &r->pictures[i];
        if (!is_next(picture, record, charts))
            continue;
        if (shown++ == 0)
            fprintf(r->out, "%s<div class=\"gallery\">\n",
                    charts ? "<details><summary>Charts that the tool drew</summary>\n" : "");
        picture->shown = true;
        write_figure(r, &picture->file);
        if (shown == REPORT_PICTURES)
            break;
    }
    if (shown > 0)
        fprintf(r->out, "</div>%s\n", charts ? "</details>" : "");
}

void picture_gallery(report *r, const report_record *record) {
    write_gallery(r, record, false);
    write_gallery(r, record, true);
}

const report_file *picture_take(report *r, const report_record *record, const char *name) {
    for (size_t i = 0; i < r->picture_count; i++) {
        report_picture *picture = &r->pictures[i];
        if (!picture->shown && picture->record == record &&
            strcmp(base_of(picture->file.name), name) == 0) {
            picture->shown = true;
            return &picture->file;
        }
    }
    return NULL;
}
