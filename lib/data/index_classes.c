/* SPDX-License-Identifier: MIT */
/* Maps the labels of index files to classes. */
#include "data/index.h"

#include "data/dataset.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_DIGITS = 5, MANY = 1000 };

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_letters(const void *a, const void *b) {
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* A whole number without leading zeros. */
static bool read_number(const char *label, size_t *out) {
    const size_t length = strlen(label);
    if (length == 0 || length > MOST_DIGITS || strspn(label, "0123456789") != length ||
        (*label == '0' && length > 1))
        return false;
    *out = strtoul(label, NULL, 10);
    return *out < TD_MOST_CLASSES;
}

size_t td_index_class(const char *label, const char *const *names, size_t count) {
    size_t number;
    if (count == 0)
        return 0;
    if (read_number(label, &number)) /* sorted by value, if all are numbers */
        for (size_t i = number ? number - 1 : 0; i <= number && i < count; i++)
            if (strcmp(names[i], label) == 0)
                return i;
    const char *const *found = bsearch(&label, names, count, sizeof *names, compare);
    return found ? (size_t)(found - names) : count;
}

/* Whether all labels are numbers, and their range. */
static bool are_numbers(const char *const *names, size_t count, size_t *least, size_t *most) {
    *least = SIZE_MAX;
    *most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t number;
        if (!read_number(names[i], &number))
            return false;
        *least = number < *least ? number : *least;
        *most = number > *most ? number : *most;
    }
    return true;
}

/* All numbers from 0 or 1 on, whether or not they have pictures. */
static td_status count_up(size_t least, size_t most, size_t distinct, const char ***names,
                          size_t *count, td_arena *arena, td_error *error) {
    const size_t first = least == 1 && distinct == most ? 1 : 0;
    *count = most + 1 - first;
    TD_TRY(TD_ARENA_NEW(arena, *count, names, "class names", error));
    for (size_t i = 0; i < *count; i++)
        TD_TRY(td_arena_print(arena, &(*names)[i], error, "%zu", i + first));
    return TD_OK;
}

/* The first row with a label. */
static const td_index_row *find_row(const td_index *indices, size_t count, const char *label,
                                    const char **file) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < indices[i].count; j++)
            if (strcmp(indices[i].rows[j].label, label) == 0) {
                *file = indices[i].file;
                return &indices[i].rows[j];
            }
    return NULL;
}

/* Letters that differ in case are different classes, as in handwriting sets; words that do are two
 * spellings of one. */
static td_status check_letters(const td_index *indices, size_t index_count, const char **sorted,
                               size_t count, td_error *error) {
    qsort(sorted, count, sizeof *sorted, compare_letters);
    for (size_t i = 1; i < count; i++) {
        if (strcasecmp(sorted[i - 1], sorted[i]) != 0 || strlen(sorted[i]) == 1)
            continue;
        const char *file = "", *other = "";
        const td_index_row *row = find_row(indices, index_count, sorted[i], &file);
        const td_index_row *before = find_row(indices, index_count, sorted[i - 1], &other);
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: line %zu: expected labels that differ by more than case, found "
                       "\"%.60s\", and \"%.60s\" on line %zu%s%s",
                       file, row ? row->line : 0, sorted[i], sorted[i - 1],
                       before ? before->line : 0, file == other ? "" : " of ",
                       file == other ? "" : other);
    }
    return TD_OK;
}

/* All labels, sorted, without duplicates. */
static size_t sort_labels(const td_index *indices, size_t index_count, const char **labels) {
    size_t total = 0, count = 0;
    for (size_t i = 0; i < index_count; i++)
        for (size_t j = 0; j < indices[i].count; j++)
            labels[total++] = indices[i].rows[j].label;
    qsort(labels, total, sizeof *labels, compare);
    for (size_t i = 0; i < total; i++)
        if (i == 0 || strcmp(labels[count - 1], labels[i]) != 0)
            labels[count++] = labels[i];
    return count;
}

td_status td_index_classes(const td_index *indices, size_t index_count, const char ***names,
                           size_t *count, td_arena *arena, td_error *error) {
    size_t total = 0, least, most;
    const char **labels, **letters;
    for (size_t i = 0; i < index_count; i++)
        total += indices[i].count;
    TD_TRY(TD_ARENA_NEW(arena, total, &labels, "labels", error));
    const size_t distinct = sort_labels(indices, index_count, labels);
    if (distinct > TD_MOST_CLASSES || (distinct == total && total > MANY))
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected classes of several pictures, at most %d, found %zu labels for "
                       "%zu pictures",
                       indices[0].file, TD_MOST_CLASSES, distinct, total);
    if (are_numbers(labels, distinct, &least, &most))
        return count_up(least, most, distinct, names, count, arena, error);
    TD_TRY(TD_ARENA_NEW(arena, distinct, &letters, "labels", error));
    memcpy(letters, labels, distinct * sizeof *labels);
    TD_TRY(check_letters(indices, index_count, letters, distinct, error));
    *names = labels;
    *count = distinct;
    return TD_OK;
}
