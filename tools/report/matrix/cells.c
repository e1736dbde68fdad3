/* SPDX-License-Identifier: MIT */
/* Computes cells from records. */
#include "measure/ratings.h"
#include "report/html.h"
#include "report/matrix/matrix.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The values of one record. */
typedef struct entry {
    const char *attack, *seed, *defence;
    matrix_kind kind;
    double values[MATRIX_MEASURES];
} entry;

static const char none[] = "none";

bool matrix_is_clean(const char *attack) {
    return strcmp(attack, "clean") == 0;
}

matrix_measure matrix_score(matrix_kind kind) {
    static const matrix_measure measures[MATRIX_KINDS] = {MATRIX_DER, MATRIX_AUROC, MATRIX_F1};
    return measures[kind];
}

/* --- one record --- */

static double number_at(const json_t *root, const char *pointer) {
    const json_t *value = tool_json_at(root, pointer);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void read_model(const json_t *model, entry *e) {
    e->values[MATRIX_ACCURACY] = number_at(model, "/accuracy");
    e->values[MATRIX_ASR] = number_at(model, "/triggers/0/asr");
    e->values[MATRIX_RA] = number_at(model, "/triggers/0/ra");
}

static void read_repair(const json_t *root, entry *e) {
    read_model(tool_json_at(root, "/test/after"), e);
    e->values[MATRIX_DER] = number_at(root, "/test/after/triggers/0/der");
    e->values[MATRIX_LOST] = number_at(root, "/test/before/accuracy") - e->values[MATRIX_ACCURACY];
}

/* Shares of all suspects and of all benign inputs. */
static void read_detector(const json_t *root, entry *e) {
    double hits[2] = {0}, trials[2] = {0};
    size_t i;
    const json_t *file;
    e->values[MATRIX_AUROC] = number_at(root, "/auroc");
    json_array_foreach(json_object_get(root, "files"), i, file) {
        const bool suspect = strcmp(html_get_text(file, "kind"), "suspect") == 0;
        const double all = number_at(file, "/flagged_count/1");
        hits[suspect] += all > 0 ? number_at(file, "/flagged_count/0") : 0;
        trials[suspect] += all > 0 ? all : 0;
        if (suspect)
            e->values[MATRIX_F1] = number_at(file, "/f1");
    }
    e->values[MATRIX_ALARMS] = trials[0] > 0 ? hits[0] / trials[0] : NAN;
    e->values[MATRIX_FLAGGED] = trials[1] > 0 ? hits[1] / trials[1] : NAN;
}

static void read_filter(const json_t *root, entry *e) {
    double images = 0, of_class;
    size_t i;
    const json_t *class;
    e->values[MATRIX_PRECISION] = number_at(root, "/truth/precision");
    e->values[MATRIX_RECALL] = number_at(root, "/truth/recall");
    e->values[MATRIX_F1] = number_at(root, "/truth/f1");
    e->values[MATRIX_ALARMS] = number_at(root, "/truth/false_positive_rate");
    json_array_foreach(json_object_get(root, "classes"), i, class) images +=
        html_get(class, "images", &of_class) ? of_class : 0;
    /* Without a ground truth, as for a clean set, all suspects are clean. */
    if (!json_object_get(root, "truth") && images > 0)
        e->values[MATRIX_ALARMS] =
            (double)json_array_size(json_object_get(root, "suspects")) / images;
}

/* Reads a record by its kind; false if it is not for a matrix. */
static bool read_values(const json_t *root, entry *e) {
    for (size_t v = 0; v < MATRIX_MEASURES; v++)
        e->values[v] = NAN;
    const json_t *evaluated = tool_json_at(root, "/models/0");
    if (tool_json_at(root, "/test/after")) {
        e->kind = MATRIX_REPAIR;
        read_repair(root, e);
    } else if (json_object_get(root, "files")) {
        e->kind = MATRIX_DETECTOR;
        read_detector(root, e);
    } else if (json_object_get(root, "suspects")) {
        e->kind = MATRIX_FILTER;
        read_filter(root, e);
    } else if (evaluated) {
        e->kind = MATRIX_REPAIR;
        read_model(evaluated, e);
    } else {
        return false;
    }
    e->values[MATRIX_SECONDS] = number_at(root, "/timing/seconds");
    e->values[MATRIX_FORWARD] = number_at(root, "/timing/image_passes/forward");
    e->values[MATRIX_BACKWARD] = number_at(root, "/timing/image_passes/backward");
    return true;
}

/* ATTACK/SEED/DEFENCE.json; false for another name. */
static td_status read_name(matrix *m, const char *name, entry *e, bool *is, td_error *error) {
    const char *first = strchr(name, '/'), *second = first ? strchr(first + 1, '/') : NULL,
               *dot = second && !strchr(second + 1, '/') ? strrchr(second, '.') : NULL;
    char *texts[3];
    *is =
        dot && first > name && second > first + 1 && dot > second + 1 && strcmp(dot, ".json") == 0;
    if (!*is)
        return TD_OK;
    TD_TRY(td_arena_text(&m->arena, name, (size_t)(first - name), &texts[0], error));
    TD_TRY(td_arena_text(&m->arena, first + 1, (size_t)(second - first - 1), &texts[1], error));
    TD_TRY(td_arena_text(&m->arena, second + 1, (size_t)(dot - second - 1), &texts[2], error));
    e->attack = texts[0], e->seed = texts[1], e->defence = texts[2];
    return TD_OK;
}

/* --- over the seeds --- */

tool_estimate matrix_estimate(const double *values, size_t count) {
    /* The 97.5 % points of Student's t by degrees of freedom; beyond them an expansion (Abramowitz
     * and Stegun, 26.7.5), accurate to three digits there. */
    static const double points[] = {NAN,    12.7062, 4.3027, 3.1824, 2.7764,
                                    2.5706, 2.4469,  2.3646, 2.3060, 2.2622};
    const double z = 1.959963984540054, free = (double)count - 1;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    const double mean = count > 0 ? sum / (double)count : NAN;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    if (count < 2)
        return (tool_estimate){mean, {NAN, NAN}};
    const double t = count <= sizeof points / sizeof *points
                         ? points[count - 1]
                         : z + (z * z * z + z) / (4 * free) +
                               (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * free * free);
    const double half = t * sqrt(squares / free / (double)count);
    return (tool_estimate){mean, {mean - half, mean + half}};
}

static int compare_attacks(const char *a, const char *b) {
    const int order = (int)matrix_is_clean(b) - (int)matrix_is_clean(a);
    return order ? order : strcmp(a, b);
}

static int compare(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = (x->kind > y->kind) - (x->kind < y->kind);
    order = order ? order : compare_attacks(x->attack, y->attack);
    order = order ? order : strcmp(x->defence, y->defence);
    return order ? order : strcmp(x->seed, y->seed);
}

static bool is_same_cell(const entry *a, const entry *b) {
    return a->kind == b->kind && strcmp(a->attack, b->attack) == 0 &&
           strcmp(a->defence, b->defence) == 0;
}

/* Ratings that trapdoor-eval cannot compute, relative to the undefended model of the same seed. */
static void rate_trained(entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count && entries[i].kind == MATRIX_REPAIR; k++) {
            const entry *before = &entries[k];
            double *after = entries[i].values;
            if (!isnan(after[MATRIX_LOST]) || strcmp(before->defence, none) != 0 ||
                strcmp(before->attack, entries[i].attack) != 0 ||
                strcmp(before->seed, entries[i].seed) != 0)
                continue;
            after[MATRIX_LOST] = before->values[MATRIX_ACCURACY] - after[MATRIX_ACCURACY];
            after[MATRIX_DER] = td_der(before->values[MATRIX_ACCURACY], after[MATRIX_ACCURACY],
                                       before->values[MATRIX_ASR], after[MATRIX_ASR]);
        }
}

/* Clips intervals to the measure's range; accuracy lost may be negative. */
static void bound(size_t measure, td_interval *interval) {
    if (measure == MATRIX_LOST || isnan(interval->low))
        return;
    interval->low = fmax(interval->low, 0);
    interval->high = measure < MATRIX_SECONDS ? fmin(interval->high, 1) : interval->high;
}

static td_status make_cell(matrix *m, const entry *entries, size_t count, td_error *error) {
    matrix_cell *cell = &m->cells[m->cell_count++];
    double *values;
    *cell = (matrix_cell){entries->attack, entries->defence, entries->kind, count, {{0}}};
    TD_TRY(TD_ARENA_NEW(&m->arena, count, &values, "values", error));
    for (size_t v = 0; v < MATRIX_MEASURES; v++) {
        size_t known = 0;
        for (size_t i = 0; i < count; i++)
            if (!isnan(entries[i].values[v]))
                values[known++] = entries[i].values[v];
        cell->values[v] = matrix_estimate(values, known);
        bound(v, &cell->values[v].interval);
    }
    return TD_OK;
}

static td_status make_cells(matrix *m, entry *entries, size_t count, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&m->arena, count, &m->cells, "cells", error));
    qsort(entries, count, sizeof *entries, compare);
    rate_trained(entries, count);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && is_same_cell(&entries[begin], &entries[end]);)
            end++;
        TD_TRY(make_cell(m, &entries[begin], end - begin, error));
    }
    return TD_OK;
}

/* --- over the attacks --- */

const matrix_cell *matrix_find(const matrix *m, const char *attack, const char *defence,
                               matrix_kind kind) {
    for (size_t i = 0; i < m->cell_count; i++)
        if (m->cells[i].kind == kind && strcmp(m->cells[i].attack, attack) == 0 &&
            strcmp(m->cells[i].defence, defence) == 0)
            return &m->cells[i];
    return NULL;
}

static int compare_rows(const void *a, const void *b) {
    const matrix_row *x = a, *y = b;
    const bool x_none = strcmp(x->defence, none) == 0, y_none = strcmp(y->defence, none) == 0;
    const double left = isnan(x->score) ? -1 : x->score, right = isnan(y->score) ? -1 : y->score;
    int order = (x->kind > y->kind) - (x->kind < y->kind);
    order = order ? order : (int)y_none - (int)x_none;
    order = order ? order : (left < right) - (left > right);
    return order ? order : strcmp(x->defence, y->defence);
}

static void add_row(matrix *m, const matrix_cell *cell) {
    matrix_row row = {cell->defence, cell->kind, 0, 0};
    for (size_t i = 0; i < m->row_count; i++)
        if (m->rows[i].kind == cell->kind && strcmp(m->rows[i].defence, cell->defence) == 0)
            return;
    for (size_t i = 0; i < m->cell_count; i++) {
        const matrix_cell *of = &m->cells[i];
        const double value = of->values[matrix_score(of->kind)].value;
        if (of->kind != row.kind || strcmp(of->defence, row.defence) != 0 ||
            matrix_is_clean(of->attack) || isnan(value))
            continue;
        row.score += value;
        row.attacks++;
    }
    row.score = row.attacks > 0 ? row.score / (double)row.attacks : NAN;
    m->rows[m->row_count++] = row;
}

static int compare_names(const void *a, const void *b) {
    return compare_attacks(*(const char *const *)a, *(const char *const *)b);
}

static td_status rank(matrix *m, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&m->arena, m->cell_count, &m->rows, "defences", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, m->cell_count, &m->attacks, "attacks", error));
    for (size_t i = 0; i < m->cell_count; i++) {
        size_t k = 0;
        add_row(m, &m->cells[i]);
        while (k < m->attack_count && strcmp(m->attacks[k], m->cells[i].attack) != 0)
            k++;
        m->attacks[k] = m->cells[i].attack;
        m->attack_count += k == m->attack_count;
    }
    qsort(m->rows, m->row_count, sizeof *m->rows, compare_rows);
    qsort(m->attacks, m->attack_count, sizeof *m->attacks, compare_names);
    return TD_OK;
}

td_status matrix_make(report *r, matrix *m, td_error *error) {
    entry *entries;
    size_t count = 0;
    bool is;
    TD_TRY(TD_ARENA_NEW(&m->arena, r->record_all, &entries, "records", error));
    for (size_t i = 0; i < r->record_all; i++) {
        TD_TRY(read_name(m, r->records[i].file.name, &entries[count], &is, error));
        count += is && read_values(r->records[i].root, &entries[count]);
    }
    if (count == 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "%s: expected records named ATTACK/SEED/DEFENCE.json, found none",
                       r->folder);
    TD_TRY(make_cells(m, entries, count, error));
    TD_TRY(rank(m, error));
    return matrix_tables(m, error);
}

void matrix_free(matrix *m) {
    tool_tables_free(&m->tables);
    td_arena_free(&m->arena);
    *m = (matrix){0};
}
