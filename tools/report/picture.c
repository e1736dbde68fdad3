/* SPDX-License-Identifier: MIT */
/* Pictures on the page, as figures. */
#include "report/report.h"

#include "base/file.h"
#include "data/picture.h"
#include "report/html.h"
#include <stdlib.h>
#include <string.h>

enum {
    NAMED = 24,  /* most pictures that a record names */
    SMALL = 112, /* minimum size in pixels to which small pictures are enlarged, in whole steps */
    PNG_SIZES = 16, /* offset of width and height in the header */
};

static uint32_t read_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* TD_OK for a PNG within the limits that can be decoded completely. */
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

bool report_picture_write(report *r, const report_file *file, const char *label) {
    td_error error;
    td_map map;
    size_t width = 0, height = 0;
    td_status status = td_map_open(&map, file->path, &error);
    if (status == TD_OK)
        status = check(&map, &width, &height, &error);
    if (status != TD_OK) {
        report_trouble_failed(r, file->name, status, &error);
        td_map_close(&map);
        return false;
    }
    size_t scale = width < SMALL ? (SMALL + width - 1) / width : 1;
    fprintf(r->out, "<img%s width=\"%zu\" height=\"%zu\" alt=\"",
            scale > 1 ? " class=\"small\"" : "", width * scale, height * scale);
    html_put(r->out, "", label, "\" src=\"data:image/png;base64,");
    html_base64(r->out, map.data, map.size);
    fputs("\">", r->out);
    td_map_close(&map);
    r->picture_shown++;
    return true;
}

/* Charts drawn by a tool of numbers that the page also draws. */
static bool is_chart(const report_file *file) {
    return html_ends(file->name, "-confusion.png") || html_ends(file->name, "-pairs.png") ||
           html_ends(file->name, "-targets.png");
}

/* The number before the extension of "mask-3.png", or -1. */
static long number_of(const char *name) {
    const char *base = html_base(name), *dash = strrchr(base, '-');
    char *end;
    const long number = dash ? strtol(dash + 1, &end, 10) : -1;
    return dash && dash > base && dash[1] >= '0' && dash[1] <= '9' && strcmp(end, ".png") == 0
               ? number
               : -1;
}

static bool is_next(const report_picture *picture, const report_record *record, bool charts) {
    return !picture->shown && picture->record == record && is_chart(&picture->file) == charts;
}

/* Whether any list of the record flags the class. */
static bool is_flagged(const report_record *record, long class) {
    const char *key;
    json_t *list, *entry;
    size_t i;
    json_object_foreach(record->root, key, list) {
        json_array_foreach(list, i, entry) {
            const json_t *number = json_object_get(entry, "class");
            if (json_is_true(json_object_get(entry, "flagged")) && json_is_integer(number) &&
                json_integer_value(number) == class)
                return true;
        }
    }
    return false;
}

static void write_picture(report *r, report_picture *picture) {
    picture->shown = true;
    if (!report_picture_write(r, &picture->file, html_base(picture->file.name)))
        fputs("<p class=\"note\">This picture cannot be shown.</p>", r->out);
}

/* A picture, with those of its record with the same number: the parts of one trigger. */
static void write_figure(report *r, size_t first) {
    report_picture *picture = &r->pictures[first];
    const long number = picture->record ? number_of(picture->file.name) : -1;
    const bool flagged = number >= 0 && is_flagged(picture->record, number);
    const char *parts[REPORT_PICTURES];
    size_t count = 0;
    fprintf(r->out, "<figure class=\"picture%s\"><div class=\"parts\">", flagged ? " flagged" : "");
    for (size_t i = first; i < r->picture_count && count < REPORT_PICTURES; i++) {
        if (i > first && (number < 0 || !is_next(&r->pictures[i], picture->record, false) ||
                          number_of(r->pictures[i].file.name) != number))
            continue;
        write_picture(r, &r->pictures[i]);
        parts[count++] = html_base(r->pictures[i].file.name);
    }
    fputs("</div><figcaption>", r->out);
    if (count == 1)
        html_text(r->out, picture->file.name);
    else
        fprintf(r->out, "%ld%s", number, flagged ? " (flagged)" : "");
    for (size_t i = 0; i < count && count > 1; i++)
        html_put(r->out, i == 0 ? ": " : ", ", parts[i], "");
    fputs("</figcaption></figure>\n", r->out);
}

static void write_gallery(report *r, const report_record *record, bool charts) {
    size_t shown = 0;
    for (size_t i = 0; i < r->picture_count && shown < REPORT_PICTURES; i++) {
        if (!is_next(&r->pictures[i], record, charts))
            continue;
        if (shown++ == 0)
            fprintf(r->out, "%s<div class=\"gallery\">\n",
                    charts ? "<details><summary>Charts that the tool drew</summary>\n" : "");
        write_figure(r, i);
    }
    if (shown > 0)
        fprintf(r->out, "</div>%s\n", charts ? "</details>" : "");
}

void report_gallery(report *r, const report_record *record) {
    write_gallery(r, record, false);
    write_gallery(r, record, true);
}

/* The picture with this name below the record's own folder; it is also shown with the record of the
 * method that wrote it. */
static const report_file *find_below(const report *r, const report_record *record,
                                     const char *name) {
    for (size_t i = 0; i < r->picture_count; i++)
        if (r->pictures[i].record != record &&
            report_is_below(record, name, r->pictures[i].file.name))
            return &r->pictures[i].file;
    return NULL;
}

void report_named_pictures(report *r, const report_record *record) {
    const json_t *list = json_object_get(record->root, "pictures");
    size_t i, shown = 0;
    const json_t *entry;
    json_array_foreach(list, i, entry) {
        const char *name = json_string_value(entry);
        const report_file *file = name && shown < NAMED ? find_below(r, record, name) : NULL;
        if (!file)
            continue;
        fputs(shown++ == 0 ? "<h3>Recovered triggers</h3>\n<div class=\"gallery\">\n" : "", r->out);
        fputs("<figure class=\"picture flagged\">", r->out);
        report_picture_write(r, file, name);
        html_put(r->out, "<figcaption>", name, "</figcaption></figure>\n");
    }
    fputs(shown > 0 ? "</div>\n" : "", r->out);
}
