/* SPDX-License-Identifier: MIT */
#include "data/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PLACES = 4 };

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

/* Splits SPLIT and A-B off the right end of `text`, so that a path may contain colons; the rest is
 * the NAME or PATH. */
static td_status parse(td_request *r, char *text, td_error *error) {
    char *colon = strrchr(text, ':');
    if (!colon)
        return TD_OK;
    const char *range = colon + 1;
    if (*range && !range[strspn(range, "0123456789-")]) {
        *colon = '\0';
        char *before = strrchr(text, ':');
        if (!before || (before[1] && !split_named(before + 1))) {
            *colon = ':'; /* not after a SPLIT: part of the path */
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

/* The folders to search for a NAME; unset ones are NULL. */
static void list_places(const char *places[MOST_PLACES], const char *folder) {
    places[0] = folder;
    places[1] = getenv("TRAPDOOR_DATA");
    places[2] = "datasets";
    places[3] = "/usr/share/datasets";
    if (places[1] && !*places[1])
        places[1] = NULL;
}

static td_status fail_missing(const td_request *r, const char *place, const char *const *places,
                              td_error *error) {
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
    if (r->known)
        return td_fail(error, TD_ERR_USAGE, "no such data set in %s; %s", looked, r->known->how);
    return td_fail(error, TD_ERR_USAGE,
                   "no such file or folder, and no data set of this name in %s", looked);
}

/* Whether `place` contains a folder for NAME: one with that name, or the one of a set that contains
 * it. */
static bool find_in(td_request *r, const char *place, const char *name) {
    if (td_path_join(r->path, place, name) && td_path_is_folder(r->path))
        return true;
    const char *other = r->known ? r->known->also_in : NULL;
    return other && td_path_join(r->path, place, other) && td_path_is_folder(r->path);
}

/* Resolves a NAME or PATH to a path. */
static td_status find(td_request *r, const char *place, const char *folder, td_error *error) {
    size_t length;
    const char *base = td_path_base(place, &length);
    r->known = td_known_set_find(base, length);
    if (!strchr(place, '/')) {
        const char *places[MOST_PLACES];
        list_places(places, folder);
        for (size_t i = 0; i < MOST_PLACES; i++)
            if (places[i] && find_in(r, places[i], place))
                return TD_OK;
        if (!td_path_exists(place))
            return fail_missing(r, place, places, error);
    } else if (!td_path_exists(place)) {
        return fail_missing(r, place, NULL, error);
    }
    if (strlen(place) >= TD_PATH_SIZE)
        return td_fail(error, TD_ERR_USAGE, "expected a path of less than %d bytes", TD_PATH_SIZE);
    memcpy(r->path, place, strlen(place) + 1);
    return TD_OK;
}

td_status td_request_read(td_request *request, const char *data, const char *split,
                          const char *folder, td_error *error) {
    *request = (td_request){.split = split};
    char *text = strdup(data);
    if (!text)
        return td_fail_memory(error, "the name of a data set");
    td_status status = parse(request, text, error);
    if (status == TD_OK && !*text)
        status = td_fail(error, TD_ERR_USAGE, "expected NAME or PATH, found nothing");
    if (status == TD_OK)
        status = find(request, text, folder, error);
    free(text);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", data);
}

td_status td_request_check_range(const td_request *request, const char *data, size_t count,
                                 td_error *error) {
    if (!request->has_range || (request->begin < request->end && request->end <= count))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: range: expected A-B with A < B <= %zu, the number of images, found %zu-%zu",
                   data, count, request->begin, request->end);
}
