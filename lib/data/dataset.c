#include "data/dataset.h"

#include "data/format.h"
#include "data/names.h"
#include "data/path.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first row that recognises a path opens it. */
static const td_format *const formats[] = {&td_format_idx, &td_format_safetensors};

enum { FORMATS = sizeof formats / sizeof *formats, MOST_PLACES = 4 };

/* DATA taken apart. */
typedef struct request {
    char *place; /* NAME or PATH */
    const char *split;
    bool split_given, has_range;
    size_t begin, end;
} request;

static const char *split_named(const char *text) {
    static const char *const splits[] = {"train", "test"};
    for (size_t i = 0; i < 2; i++)
        if (strcmp(text, splits[i]) == 0)
            return splits[i];
    return NULL;
}

/* "A-B" in decimal. */
static bool read_range(const char *text, size_t *begin, size_t *end) {
    size_t first = strspn(text, "0123456789");
    size_t second = text[first] == '-' ? strspn(text + first + 1, "0123456789") : 0;
    if (first == 0 || second == 0 || text[first + 1 + second])
        return false;
    errno = 0;
    *begin = strtoull(text, NULL, 10);
    *end = strtoull(text + first + 1, NULL, 10);
    return errno == 0;
}

/* Takes SPLIT and A-B off the right end of `text`, so that a path may hold colons. */
static td_status parse(request *r, char *text, const char *split, td_error *error) {
    *r = (request){.place = text, .split = split};
    char *colon = strrchr(text, ':');
    if (!colon)
        return TD_OK;
    const char *range = colon + 1;
    if (*range && !range[strspn(range, "0123456789-")]) {
        *colon = '\0';
        char *before = strrchr(text, ':');
        if (!before || (before[1] && !split_named(before + 1))) {
            *colon = ':'; /* not behind a SPLIT: a part of the path */
            return TD_OK;
        }
        if (!read_range(range, &r->begin, &r->end))
            return td_fail(error, TD_ERR_USAGE,
                           "range: expected A-B, two indices in decimal, found \"%s\"", range);
        r->has_range = true;
        colon = before;
    }
    const char *named = split_named(colon + 1);
    if (named) {
        r->split = named;
        r->split_given = true;
    }
    if (named || r->has_range)
        *colon = '\0';
    return TD_OK;
}

/* The folders to look in for a NAME; unset ones are NULL. */
static void list_places(const char *places[MOST_PLACES], const char *folder) {
    places[0] = folder;
    places[1] = getenv("TRAPDOOR_DATA");
    places[2] = "datasets";
    places[3] = "/usr/share/datasets";
    if (places[1] && !*places[1])
        places[1] = NULL;
}

static td_status fail_missing(const char *place, const char *const *places, td_error *error) {
    const char *colon = strrchr(place, ':');
    if (colon)
        return td_fail(error, TD_ERR_USAGE,
                       "no such data set; expected NAME or PATH with :train or :test and then a "
                       "range :A-B, found \"%s\"",
                       colon);
    if (!places)
        return td_fail(error, TD_ERR_USAGE, "no such file or folder");
    char looked[sizeof error->message] = "";
    for (size_t i = 0; i < MOST_PLACES; i++)
        if (places[i]) {
            size_t used = strlen(looked);
            snprintf(looked + used, sizeof looked - used, "%s%s", used ? ", " : "", places[i]);
        }
    const td_known_set *known = td_known_set_find(place, strlen(place));
    if (known)
        return td_fail(error, TD_ERR_USAGE, "no such data set in %s; %s", looked, known->how);
    return td_fail(error, TD_ERR_USAGE,
                   "no such file or folder, and no data set of this name in %s", looked);
}

/* The path that a NAME or PATH stands for. */
static td_status find(char *path, const char *place, const char *folder, td_error *error) {
    if (!strchr(place, '/')) {
        const char *places[MOST_PLACES];
        list_places(places, folder);
        for (size_t i = 0; i < MOST_PLACES; i++)
            if (places[i] && td_path_join(path, places[i], place) && td_path_is_folder(path))
                return TD_OK;
        if (!td_path_exists(place))
            return fail_missing(place, places, error);
    } else if (!td_path_exists(place)) {
        return fail_missing(place, NULL, error);
    }
    if (strlen(place) >= TD_PATH_SIZE)
        return td_fail(error, TD_ERR_USAGE, "expected a path of less than %d bytes", TD_PATH_SIZE);
    memcpy(path, place, strlen(place) + 1);
    return TD_OK;
}

static td_status open_path(td_dataset *set, const td_source *source, td_error *error) {
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i]->recognise(source->path))
            return formats[i]->open(set, source, error);
    char known[256] = "";
    for (size_t i = 0; i < FORMATS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? " or " : "", formats[i]->name);
    }
    return td_fail(error, TD_ERR_FORMAT, "%s: expected %s, found %s", source->path, known,
                   td_path_is_folder(source->path) ? "a folder without such files"
                                                   : "a file of another format");
}

/* Where the format did not say what the classes are, the name of a known set does. */
static td_status settle_classes(td_dataset *set, const char *path, td_error *error) {
    td_images *images = &set->images;
    size_t length;
    const char *base = td_path_base(path, &length);
    const td_known_set *known = images->classes ? NULL : td_known_set_find(base, length);
    size_t end = images->classes ? images->classes : known ? known->classes : TD_MOST_CLASSES;
    int32_t largest = 0;
    for (size_t i = 0; i < images->count; i++) {
        if (images->labels[i] < 0 || (size_t)images->labels[i] >= end)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: label of image %zu: expected 0 to %zu, found %d", path, i, end - 1,
                           (int)images->labels[i]);
        if (images->labels[i] > largest)
            largest = images->labels[i];
    }
    if (images->classes)
        return TD_OK;
    images->classes = known ? known->classes : (size_t)largest + 1;
    if (!known)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&set->arena, known->classes, &set->class_names, "class names", error));
    for (size_t i = 0; i < known->classes; i++)
        set->class_names[i] = known->class_names[i];
    return TD_OK;
}

static td_status cut_range(td_dataset *set, const request *r, td_error *error) {
    if (!r->has_range)
        return TD_OK;
    if (r->begin >= r->end || r->end > set->images.count)
        return td_fail(error, TD_ERR_USAGE,
                       "range: expected A-B with A < B <= %zu, the number of images, found %zu-%zu",
                       set->images.count, r->begin, r->end);
    set->images = td_images_slice(&set->images, r->begin, r->end);
    set->first = r->begin;
    return TD_OK;
}

static td_status open_data(td_dataset *set, const char *data, const char *split, const char *folder,
                           td_error *error) {
    char *name, *text, path[TD_PATH_SIZE];
    TD_TRY(td_arena_text(&set->arena, data, strlen(data), &name, error));
    TD_TRY(td_arena_text(&set->arena, data, strlen(data), &text, error));
    set->name = name;
    request r;
    td_status status = parse(&r, text, split, error);
    if (status == TD_OK && !*r.place)
        status = td_fail(error, TD_ERR_USAGE, "expected NAME or PATH, found nothing");
    if (status == TD_OK)
        status = find(path, r.place, folder, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", data);
    td_source source = {.path = path, .split = r.split, .split_given = r.split_given};
    TD_TRY(open_path(set, &source, error));
    TD_TRY(settle_classes(set, path, error));
    status = cut_range(set, &r, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", data);
}

td_status td_dataset_open(td_dataset *set, const char *data, const char *split, const char *folder,
                          td_error *error) {
    *set = (td_dataset){0};
    td_status status = open_data(set, data, split, folder, error);
    if (status != TD_OK)
        td_dataset_close(set);
    return status;
}

td_status td_dataset_add_file(td_dataset *set, const char *path, td_error *error) {
    const char **files;
    char *copy;
    TD_TRY(TD_ARENA_NEW(&set->arena, set->file_count + 1, &files, "file names", error));
    TD_TRY(td_arena_text(&set->arena, path, strlen(path), &copy, error));
    for (size_t i = 0; i < set->file_count; i++)
        files[i] = set->files[i];
    files[set->file_count++] = copy;
    set->files = files;
    return TD_OK;
}

void td_dataset_close(td_dataset *set) {
    td_map_close(&set->map);
    td_arena_free(&set->arena);
    *set = (td_dataset){0};
}
