/* SPDX-License-Identifier: MIT */
#include "model/zip.h"

#include "base/size.h"
#include "data/text.h"
#include "model/bytes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>
#include <zlib.h>

enum {
    END_SIZE = 22,       /* end of central directory */
    LOCATOR_SIZE = 20,   /* of the 64-bit end */
    WIDE_END_SIZE = 56,  /* 64-bit end */
    DIRECTORY_SIZE = 46, /* an entry of the directory, without name and extra fields */
    LOCAL_SIZE = 30,     /* a local header, without them */
    MOST_ENTRIES = 1 << 16,
    LONGEST_NAME = 1 << 10,
    FLAG_DESCRIPTOR = 1 << 3,                   /* sizes and checksum follow the data */
    FLAGS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11, /* deflate's level, a descriptor, UTF-8 */
    STORED = 0,
    DEFLATED = 8,
    EXTRA_WIDE = 1, /* the extra field of 64-bit sizes */
};

static const uint32_t local_magic = 0x04034b50, directory_magic = 0x02014b50,
                      end_magic = 0x06054b50, locator_magic = 0x07064b50,
                      wide_end_magic = 0x06064b50, descriptor_magic = 0x08074b50;
static const uint32_t in_wide = 0xffffffff; /* marks a size stored in the 64-bit field */

typedef struct reader {
    const uint8_t *bytes;
    size_t size;
    size_t directory, directory_size, count;
    td_zip *zip;
    td_arena *arena;
    td_error *error;
} reader;

/* The fields of an entry's header. */
typedef struct header {
    uint32_t flags, method, crc;
    uint64_t size, packed, offset;
    const uint8_t *name, *extra;
    size_t name_size, extra_size;
} header;

bool td_zip_is(const uint8_t *bytes, size_t size) {
    return size >= 4 && td_bytes_u32(bytes) == local_magic;
}

/* --- the end --- */

static td_status damaged(const reader *r, const char *what) {
    return td_fail(r->error, TD_ERR_FORMAT, "zip: %s", what);
}

/* The 64-bit end record, if present: its numbers must match the end record, except those that do
 * not fit there. Sets *end to the end of the directory. */
static td_status read_wide_end(reader *r, size_t *end) {
    if (*end < LOCATOR_SIZE || td_bytes_u32(r->bytes + *end - LOCATOR_SIZE) != locator_magic)
        return TD_OK;
    const uint8_t *locator = r->bytes + *end - LOCATOR_SIZE;
    const size_t before = *end - LOCATOR_SIZE;
    if (before < WIDE_END_SIZE || td_bytes_u64(locator + 8) != before - WIDE_END_SIZE ||
        td_bytes_u32(locator + 4) != 0 || td_bytes_u32(locator + 16) > 1)
        return damaged(r, "the 64-bit end of its directory is not where it is said to be");
    const uint8_t *wide = r->bytes + before - WIDE_END_SIZE;
    if (td_bytes_u32(wide) != wide_end_magic || td_bytes_u64(wide + 4) != WIDE_END_SIZE - 12 ||
        td_bytes_u32(wide + 16) != 0 || td_bytes_u32(wide + 20) != 0 ||
        td_bytes_u64(wide + 24) != td_bytes_u64(wide + 32))
        return damaged(r, "expected the 64-bit end of its directory, found something else");
    const uint64_t count = td_bytes_u64(wide + 32), size = td_bytes_u64(wide + 40),
                   offset = td_bytes_u64(wide + 48);
    if ((r->count != 0xffff && r->count != count) ||
        (r->directory_size != in_wide && r->directory_size != size) ||
        (r->directory != in_wide && r->directory != offset))
        return damaged(r, "both ends of its directory differ");
    r->count = count;
    r->directory_size = size;
    r->directory = offset;
    *end = before - WIDE_END_SIZE;
    return TD_OK;
}

static td_status read_end(reader *r) {
    if (r->size < END_SIZE || td_bytes_u32(r->bytes + r->size - END_SIZE) != end_magic)
        return damaged(r, "expected its directory at the end of the file, found other bytes: cut "
                          "short, or followed by something");
    const uint8_t *at = r->bytes + r->size - END_SIZE;
    size_t end = r->size - END_SIZE, directory_end;
    if (td_bytes_u32(at + 4) != 0 || td_bytes_u16(at + 8) != td_bytes_u16(at + 10) ||
        td_bytes_u16(at + 20) != 0)
        return damaged(r, "expected one disk and no comment, found others");
    r->count = td_bytes_u16(at + 10);
    r->directory_size = td_bytes_u32(at + 12);
    r->directory = td_bytes_u32(at + 16);
    TD_TRY(read_wide_end(r, &end));
    if (!td_size_add(r->directory, r->directory_size, &directory_end) || directory_end != end)
        return damaged(r, "its directory does not end where the file does");
    if (r->count > MOST_ENTRIES || r->count > r->directory_size / DIRECTORY_SIZE)
        return td_fail(
            r->error, TD_ERR_FORMAT,
            "zip: expected at most %d entries, as many as its directory of %zu bytes can "
            "hold, found %zu",
            MOST_ENTRIES, r->directory_size, r->count);
    return TD_OK;
}

/* --- one entry --- */

static td_status differs(const reader *r, const header *h, const char *what) {
    return td_fail(r->error, TD_ERR_FORMAT, "zip: entry \"%.*s\": %s",
                   (int)td_size_min(h->name_size, 100), (const char *)h->name, what);
}

/* Reads from the 64-bit field the numbers that do not fit, in order. */
static bool take_wide(const header *h, uint64_t **numbers, size_t count) {
    const uint8_t *at = h->extra;
    size_t left = h->extra_size;
    while (left >= 4) {
        const uint32_t id = td_bytes_u16(at);
        size_t size = td_bytes_u16(at + 2);
        at += 4;
        left -= 4;
        if (size > left)
            return false;
        for (size_t i = 0; id == EXTRA_WIDE && i < count; i++) {
            if (8 * (i + 1) > size)
                return false;
            *numbers[i] = td_bytes_u64(at + 8 * i);
        }
        if (id == EXTRA_WIDE)
            return true;
        at += size;
        left -= size;
    }
    return left == 0 && count == 0;
}

static bool widen(header *h) {
    uint64_t *all[] = {&h->size, &h->packed, &h->offset}, *wide[3];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++)
        if (*all[i] == in_wide)
            wide[count++] = all[i];
    return take_wide(h, wide, count);
}

static td_status read_directory_header(const reader *r, size_t at, header *h, size_t *next) {
    const uint8_t *bytes = r->bytes + at;
    const size_t left = r->directory + r->directory_size - at;
    *h = (header){.name = bytes};
    if (left < DIRECTORY_SIZE || td_bytes_u32(bytes) != directory_magic)
        return damaged(r, "expected an entry of its directory, found something else");
    *h = (header){
        .flags = td_bytes_u16(bytes + 8),
        .method = td_bytes_u16(bytes + 10),
        .crc = td_bytes_u32(bytes + 16),
        .packed = td_bytes_u32(bytes + 20),
        .size = td_bytes_u32(bytes + 24),
        .offset = td_bytes_u32(bytes + 42),
        .name = bytes + DIRECTORY_SIZE,
        .name_size = td_bytes_u16(bytes + 28),
        .extra_size = td_bytes_u16(bytes + 30),
    };
    const size_t comment = td_bytes_u16(bytes + 32);
    const size_t all = DIRECTORY_SIZE + h->name_size + h->extra_size + comment;
    if (all > left)
        return damaged(r, "an entry of its directory ends after the directory");
    h->extra = h->name + h->name_size;
    *next = at + all;
    if (comment != 0 || td_bytes_u16(bytes + 34) != 0 || h->name_size == 0 ||
        h->name_size > LONGEST_NAME || memchr(h->name, '\0', h->name_size))
        return damaged(r, "an entry of its directory has no usable name, a comment, or lies on "
                          "another disk");
    return widen(h) ? TD_OK : differs(r, h, "its 64-bit sizes are missing");
}

/* The size of a descriptor after the data: with or without its signature, 32 or 64 bits. 0 if the
 * `left` bytes do not begin with one. */
static size_t descriptor_size(const td_zip_entry *entry, const uint8_t *at, size_t left) {
    for (size_t mark = 0; mark <= 4; mark += 4)
        for (size_t width = 4; width <= 8; width += 4) {
            const uint8_t *numbers = at + mark;
            if (left != mark + 4 + 2 * width || (mark && td_bytes_u32(at) != descriptor_magic) ||
                td_bytes_u32(numbers) != entry->crc)
                continue;
            const uint64_t packed =
                width == 4 ? td_bytes_u32(numbers + 4) : td_bytes_u64(numbers + 4);
            const uint64_t size =
                width == 4 ? td_bytes_u32(numbers + 8) : td_bytes_u64(numbers + 12);
            if (packed == entry->packed && size == entry->size)
                return left;
        }
    return 0;
}

static td_status check_local(const reader *r, const header *h, td_zip_entry *entry) {
    const size_t left = r->directory > h->offset ? r->directory - (size_t)h->offset : 0;
    const uint8_t *bytes = r->bytes + (left ? (size_t)h->offset : 0);
    if (left < LOCAL_SIZE || td_bytes_u32(bytes) != local_magic)
        return differs(r, h, "its local header is not where the directory says");
    header local = {.flags = td_bytes_u16(bytes + 6),
                    .method = td_bytes_u16(bytes + 8),
                    .crc = td_bytes_u32(bytes + 14),
                    .packed = td_bytes_u32(bytes + 18),
                    .size = td_bytes_u32(bytes + 22),
                    .name = bytes + LOCAL_SIZE,
                    .name_size = td_bytes_u16(bytes + 26),
                    .extra_size = td_bytes_u16(bytes + 28)};
    const size_t head = LOCAL_SIZE + local.name_size + local.extra_size;
    local.extra = local.name + local.name_size;
    if (head > left || h->packed > left - head)
        return differs(r, h, "its data end after the directory's beginning");
    if (local.name_size != h->name_size || memcmp(local.name, h->name, h->name_size) != 0)
        return differs(r, h, "its local header has another name");
    if (local.flags != h->flags || local.method != h->method)
        return differs(r, h, "its local header has other flags or another method");
    const bool none = h->flags & FLAG_DESCRIPTOR && !local.crc && !local.size && !local.packed;
    if (!none && (!widen(&local) || local.crc != h->crc || local.size != h->size ||
                  local.packed != h->packed))
        return differs(r, h, "its local header has other sizes or another checksum");
    entry->data = bytes + head;
    entry->header = (size_t)h->offset;
    entry->end = entry->header + head + (size_t)h->packed;
    return TD_OK;
}

static td_status read_entry(const reader *r, const header *h, td_zip_entry *entry) {
    char *name;
    if (h->flags & ~(uint32_t)FLAGS)
        return differs(r, h, "it is encrypted, or has another flag that is not known here");
    if (h->method != STORED && h->method != DEFLATED)
        return differs(r, h, "expected it stored or deflated, found another method");
    if (h->method == STORED && h->size != h->packed)
        return differs(r, h, "it is stored, but its two sizes differ");
    TD_TRY(td_arena_text(r->arena, (const char *)h->name, h->name_size, &name, r->error));
    if (!td_text_is_plain(name))
        return damaged(r, "expected names without control characters, found one with them");
    *entry = (td_zip_entry){.name = name,
                            .size = (size_t)h->size,
                            .packed = (size_t)h->packed,
                            .crc = h->crc,
                            .stored = h->method == STORED,
                            .descriptor = h->flags & FLAG_DESCRIPTOR};
    return check_local(r, h, entry);
}

/* --- all entries --- */

static int by_name(const void *left, const void *right) {
    return strcmp(((const td_zip_entry *)left)->name, ((const td_zip_entry *)right)->name);
}

static int by_place(const void *left, const void *right) {
    const size_t a = ((const td_zip_entry *)left)->header,
                 b = ((const td_zip_entry *)right)->header;
    return (a > b) - (a < b);
}

/* Sorted by offset, the entries must follow one another from the file's first byte to the
 * directory, with nothing between them except the previous entry's descriptor. */
static td_status check_tiling(const reader *r) {
    const td_zip *zip = r->zip;
    size_t end = 0;
    for (size_t i = 0; i < zip->count; i++) {
        const td_zip_entry *entry = &zip->entries[i];
        const size_t next = i + 1 < zip->count ? zip->entries[i + 1].header : r->directory;
        if (entry->header != end)
            return td_fail(r->error, TD_ERR_FORMAT,
                           "zip: entry \"%s\": expected it to begin at %zu, found %zu: bytes that "
                           "belong to no entry",
                           entry->name, end, entry->header);
        if (entry->end > next)
            return td_fail(r->error, TD_ERR_FORMAT, "zip: entry \"%s\" overlaps what follows it",
                           entry->name);
        end = entry->end;
        if (entry->descriptor)
            end += descriptor_size(entry, r->bytes + end, next - end);
    }
    return end == r->directory
               ? TD_OK
               : damaged(r, "bytes that belong to no entry stand before its directory");
}

static td_status check_names(const reader *r) {
    const td_zip *zip = r->zip;
    for (size_t i = 1; i < zip->count; i++)
        if (strcmp(zip->entries[i - 1].name, zip->entries[i].name) == 0)
            return td_fail(r->error, TD_ERR_FORMAT,
                           "zip: expected one entry \"%s\", found two of this name",
                           zip->entries[i].name);
    return TD_OK;
}

static td_status read_entries(reader *r) {
    td_zip *zip = r->zip;
    size_t at = r->directory;
    TD_TRY(TD_ARENA_NEW(r->arena, r->count, &zip->entries, "a zip directory", r->error));
    for (; zip->count < r->count; zip->count++) {
        header h;
        TD_TRY(read_directory_header(r, at, &h, &at));
        TD_TRY(read_entry(r, &h, &zip->entries[zip->count]));
    }
    if (at != r->directory + r->directory_size)
        return damaged(r, "its directory is longer than its entries");
    if (zip->count > 0) {
        qsort(zip->entries, zip->count, sizeof *zip->entries, by_place);
        TD_TRY(check_tiling(r));
        qsort(zip->entries, zip->count, sizeof *zip->entries, by_name);
    }
    return check_names(r);
}

/* --- the second reader --- */

/* Why libzip failed; it reports "not an archive" when it runs out of memory: errno shows the
 * difference. */
static td_status fail_zip(zip_error_t *why, td_error *error) {
    return zip_error_code_zip(why) == ZIP_ER_MEMORY || errno == ENOMEM
               ? td_fail_memory(error, "a zip archive")
               : td_fail(error, TD_ERR_FORMAT, "zip: %s", zip_error_strerror(why));
}

static td_status agrees(const td_zip *zip, zip_t *other, td_error *error) {
    if (zip_get_num_entries(other, 0) != (zip_int64_t)zip->count)
        return td_fail(error, TD_ERR_FORMAT, "zip: expected %zu entries, libzip finds %lld",
                       zip->count, (long long)zip_get_num_entries(other, 0));
    for (size_t i = 0; i < zip->count; i++) {
        zip_stat_t stat;
        if (zip_stat_index(other, i, ZIP_FL_ENC_RAW, &stat) != 0)
            return td_fail_within(error, fail_zip(zip_get_error(other), error), "entry %zu", i);
        const td_zip_entry *entry = td_zip_find(zip, stat.name);
        if (!entry || stat.size != entry->size || stat.comp_size != entry->packed ||
            stat.crc != entry->crc ||
            stat.comp_method != (entry->stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE))
            return td_fail(error, TD_ERR_FORMAT,
                           "zip: two readers differ about its entry %zu, \"%.100s\"", i,
                           td_text_is_plain(stat.name) ? stat.name : "?");
    }
    return TD_OK;
}

static td_status compare_readers(const reader *r) {
    zip_error_t why;
    zip_error_init(&why);
    errno = 0;
    zip_source_t *source = zip_source_buffer_create(r->bytes, r->size, 0, &why);
    zip_t *other = source ? zip_open_from_source(source, ZIP_CHECKCONS | ZIP_RDONLY, &why) : NULL;
    td_status status;
    if (other) {
        status = agrees(r->zip, other, r->error);
        zip_discard(other);
    } else {
        status = fail_zip(&why, r->error);
        zip_source_free(source);
    }
    zip_error_fini(&why);
    return status;
}

td_status td_zip_read(td_zip *zip, const uint8_t *bytes, size_t size, td_arena *arena,
                      td_error *error) {
    *zip = (td_zip){0};
    reader r = {.bytes = bytes, .size = size, .zip = zip, .arena = arena, .error = error};
    TD_TRY(read_end(&r));
    TD_TRY(read_entries(&r));
    return compare_readers(&r);
}

td_zip_entry *td_zip_find(const td_zip *zip, const char *name) {
    const td_zip_entry wanted = {.name = name};
    return zip->count ? bsearch(&wanted, zip->entries, zip->count, sizeof wanted, by_name) : NULL;
}

td_status td_zip_check(td_zip_entry *entry, td_error *error) {
    if (entry->checked)
        return TD_OK;
    if (!entry->stored)
        return td_fail(error, TD_ERR_FORMAT,
                       "zip: entry \"%s\": expected it stored as it is, found it deflated",
                       entry->name);
    const uint32_t crc = (uint32_t)crc32_z(0, entry->data, entry->size);
    if (crc != entry->crc)
        return td_fail(
            error, TD_ERR_FORMAT,
            "zip: entry \"%s\": checksum: expected %08x, found %08x: the file is damaged",
            entry->name, entry->crc, crc);
    entry->checked = true;
    return TD_OK;
}
