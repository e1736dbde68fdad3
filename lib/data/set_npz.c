/* SPDX-License-Identifier: MIT */
/* NumPy's archives: a zip file of arrays, compressed or not, as numpy.savez writes it; read by
 * libzip. */
#include "base/size.h"
#include "data/array_names.h"
#include "data/arrays.h"
#include "data/format.h"
#include "data/gunzip.h"
#include <errno.h>
#include <string.h>
#include <zip.h>

enum { MOST_ENTRIES = 1000 };

typedef struct archive {
    zip_t *zip;
    size_t size; /* of the file */
} archive;

static td_status recognise(bool *out, const char *path, td_error *error) {
    const size_t length = strlen(path);
    (void)error;
    *out = length > 4 && strcmp(path + length - 4, ".npz") == 0 && td_path_is_file(path);
    return TD_OK;
}

/* libzip reports "not an archive" when it runs out of memory; errno shows the difference. */
static td_status fail_reason(zip_error_t *reason, td_error *error) {
    if (zip_error_code_zip(reason) == ZIP_ER_MEMORY || errno == ENOMEM)
        return td_fail_memory(error, "a zip archive");
    return td_fail(error, TD_ERR_FORMAT, "expected a sound zip archive, found: %s",
                   zip_error_strerror(reason));
}

static td_status fail_zip(zip_t *zip, const char *what, td_error *error) {
    return td_fail_within(error, fail_reason(zip_get_error(zip), error), "%s", what);
}

static td_status read_names(td_folder *out, zip_t *zip, td_arena *arena, td_error *error) {
    const zip_int64_t count = zip_get_num_entries(zip, 0);
    if (count < 1 || count > MOST_ENTRIES)
        return td_fail(error, TD_ERR_FORMAT, "expected 1 to %d arrays, found %lld", MOST_ENTRIES,
                       (long long)count);
    *out = (td_folder){.count = (size_t)count};
    TD_TRY(TD_ARENA_NEW(arena, out->count, &out->names, "names of arrays", error));
    for (size_t i = 0; i < out->count; i++) {
        const char *name = zip_get_name(zip, i, ZIP_FL_ENC_RAW);
        if (!name)
            return fail_zip(zip, "names", error);
        TD_TRY(td_arena_text(arena, name, strlen(name), &out->names[i], error));
    }
    return TD_OK;
}

/* The size that an entry has when it is decompressed, if its compressed bytes can hold that: as
 * many as the file has, at most, which libzip does not see where its sums overflow. */
static td_status measure(size_t *size, const archive *from, size_t entry, const char *name,
                         td_error *error) {
    static const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    zip_stat_t stat;
    if (zip_stat_index(from->zip, entry, 0, &stat) != 0)
        return fail_zip(from->zip, name, error);
    if ((stat.valid & needed) != needed || stat.size / TD_GZIP_RATIO > stat.comp_size ||
        stat.comp_size > from->size)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected at most %d bytes for each compressed one, found %llu for %llu",
                       name, TD_GZIP_RATIO, (unsigned long long)stat.size,
                       (unsigned long long)stat.comp_size);
    *size = stat.size;
    return TD_OK;
}

static td_status read_entry(const uint8_t **out, size_t *size, const archive *from, size_t entry,
                            const char *name, td_arena *arena, td_error *error) {
    uint8_t *bytes;
    TD_TRY(measure(size, from, entry, name, error));
    TD_TRY(TD_ARENA_NEW(arena, *size ? *size : 1, &bytes, "an array", error));
    zip_file_t *file = zip_fopen_index(from->zip, entry, 0);
    if (!file)
        return fail_zip(from->zip, name, error);
    size_t done = 0;
    while (done < *size) {
        const zip_int64_t got = zip_fread(file, bytes + done, *size - done);
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    /* libzip compares the checksum at the end, so read one byte more. */
    uint8_t extra;
    const bool whole = done == *size && zip_fread(file, &extra, 1) == 0;
    const bool starved = zip_error_code_zip(zip_file_get_error(file)) == ZIP_ER_MEMORY;
    zip_fclose(file);
    if (starved)
        return td_fail_memory(error, "a zip archive");
    if (!whole)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected %zu sound bytes, found damaged data",
                       name, *size);
    *out = bytes;
    return TD_OK;
}

static td_status read_array(td_npy *npy, const archive *from, const td_folder *names, size_t entry,
                            td_arena *arena, td_error *error) {
    const uint8_t *bytes = NULL;
    size_t size = 0;
    TD_TRY(read_entry(&bytes, &size, from, entry, names->names[entry], arena, error));
    td_status status = td_npy_parse(npy, bytes, size, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", names->names[entry]);
}

static td_status read_arrays(td_dataset *set, const archive *from, const td_source *source,
                             td_error *error) {
    td_folder names;
    td_array_pair pair;
    td_npy npy;
    bool stay;
    TD_TRY(read_names(&names, from->zip, &set->arena, error));
    TD_TRY(td_array_find(&pair, &names, source->split, "arrays", "an array", error));
    set->split = pair.split != TD_SPLIT_NONE || source->split_given ? source->split : "";
    TD_TRY(read_array(&npy, from, &names, pair.images, &set->arena, error));
    td_status status = td_arrays_take_images(set, &npy, &stay, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", names.names[pair.images]);
    TD_TRY(read_array(&npy, from, &names, pair.labels, &set->arena, error));
    status = td_arrays_take_labels(set, &npy, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", names.names[pair.labels]);
}

static td_status open_set(td_dataset *set, const td_source *source, td_error *error) {
    td_map map;
    zip_error_t reason;
    TD_TRY(td_dataset_add_file(set, source->path, error));
    TD_TRY(td_map_open(&map, source->path, error));
    zip_error_init(&reason);
    errno = 0;
    zip_source_t *bytes = zip_source_buffer_create(map.data, map.size, 0, &reason);
    zip_t *zip = bytes ? zip_open_from_source(bytes, ZIP_RDONLY | ZIP_CHECKCONS, &reason) : NULL;
    td_status status;
    if (zip) {
        status = read_arrays(set, &(archive){zip, map.size}, source, error);
        zip_discard(zip);
    } else {
        status = fail_reason(&reason, error);
        zip_source_free(bytes);
    }
    zip_error_fini(&reason);
    td_map_close(&map);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", source->path);
}

const td_format td_format_npz = {
    .name = "NumPy archive",
    .needs = "an .npz file with arrays that are called so, compressed or not",
    .recognise = recognise,
    .open = open_set};
