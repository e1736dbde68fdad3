/* SPDX-License-Identifier: MIT */
/* The leaderboard as heat maps, one for each kind of defence. */
#include "report/html.h"
#include "report/matrix/matrix.h"
#include <math.h>
#include <string.h>

enum {
    LEFT = 190,  /* of the names of defences */
    WIDE = 74,   /* a cell */
    HIGH = 22,   /* a row */
    HEAD = 58,   /* title and names of attacks */
    EDGE = 12,   /* around all, and between the maps */
    GAP = 8,     /* before the column of clean models */
    NAMED = 22,  /* letters of a defence */
    TITLED = 11, /* letters of an attack */
};

static const struct {
    const char *title, *clean;
    double least;          /* the score without colour; 1 is full */
    matrix_measure harmed; /* for clean models, 0 is best */
} maps[MATRIX_KINDS] = {
    {"Repairs: DER", "clean: lost", 0.5, MATRIX_LOST},
    {"Detectors: AUROC", "clean: flagged", 0.5, MATRIX_ALARMS},
    {"Filters: F1", "clean: suspected", 0, MATRIX_ALARMS},
};

/* From white to dark green or, for shares below 0, to red. */
static void write_colour(FILE *out, double share) {
    const double to = fmin(fabs(share), 1);
    const int full[2][3] = {{0x0b, 0x6e, 0x4f}, {0xb0, 0x3a, 0x2e}};
    const int *end = full[share < 0];
    fprintf(out, "#%02x%02x%02x", (unsigned)(255 - to * (255 - end[0]) + 0.5),
            (unsigned)(255 - to * (255 - end[1]) + 0.5),
            (unsigned)(255 - to * (255 - end[2]) + 0.5));
}

static void write_text(FILE *out, double x, double y, const char *more, const char *text,
                       size_t most) {
    char cut[64];
    snprintf(cut, sizeof cut, "%.*s", (int)most, text);
    fprintf(out, "<text x=\"%.0f\" y=\"%.0f\" %s>", x, y, more);
    html_text(out, cut);
    fputs("</text>\n", out);
}

/* A cell with one decimal; nothing for NaN. */
static void write_cell(FILE *out, double x, double y, double value, double share, bool best) {
    char text[32];
    if (isnan(value))
        return;
    fprintf(out, "<rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" fill=\"", x + 1, y + 1,
            WIDE - 2, HIGH - 2);
    write_colour(out, share);
    fputs(best ? "\" stroke=\"#111\" stroke-width=\"2\"/>\n" : "\"/>\n", out);
    snprintf(text, sizeof text, "%.1f", 100 * value);
    write_text(out, x + WIDE / 2.0, y + 15.5,
               fabs(share) > 0.6 ? "text-anchor=\"middle\" fill=\"#fff\""
                                 : "text-anchor=\"middle\" fill=\"#111\"",
               text, sizeof text);
}

static double value_of(const matrix *m, size_t attack, const matrix_row *row,
                       matrix_measure measure) {
    const matrix_cell *cell = matrix_find(m, m->attacks[attack], row->defence, row->kind);
    return cell ? cell->values[measure].value : NAN;
}

/* The best score of an attack; NaN without one. */
static double best_of(const matrix *m, size_t attack, matrix_kind kind) {
    double best = NAN;
    for (size_t i = 0; i < m->row_count; i++)
        if (m->rows[i].kind == kind)
            best = fmax(best, value_of(m, attack, &m->rows[i], matrix_score(kind)));
    return best;
}

/* The x position of a column: the attacks, and after a gap the clean models, which come first in
 * m->attacks. */
static double column_at(const matrix *m, size_t attack) {
    const bool first = m->attack_count > 0 && matrix_is_clean(m->attacks[0]);
    const size_t place = !first ? attack : attack > 0 ? attack - 1 : m->attack_count - 1;
    return LEFT + WIDE * (double)place + (first && attack == 0 ? GAP : 0);
}

static void write_row(FILE *out, const matrix *m, const matrix_row *row, double y) {
    write_text(out, LEFT - 8, y + 15.5, "text-anchor=\"end\" fill=\"#111\"", row->defence, NAMED);
    for (size_t a = 0; a < m->attack_count; a++) {
        const bool clean = matrix_is_clean(m->attacks[a]);
        const double least = maps[row->kind].least;
        const double value =
            value_of(m, a, row, clean ? maps[row->kind].harmed : matrix_score(row->kind));
        /* A repair may cost 0.02 of accuracy; 0.2 is full red. */
        const double share = clean ? -fmax(0, value - 0.02) / 0.2 : (value - least) / (1 - least);
        write_cell(out, column_at(m, a), y, value, share,
                   !clean && value >= best_of(m, a, row->kind) - 1e-9);
    }
}

static size_t rows_of(const matrix *m, matrix_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < m->row_count; i++)
        count += m->rows[i].kind == kind;
    return count;
}

static void write_map(FILE *out, const matrix *m, matrix_kind kind, double y) {
    write_text(out, LEFT - 8, y + 18, "text-anchor=\"end\" font-weight=\"600\" fill=\"#111\"",
               maps[kind].title, NAMED);
    for (size_t a = 0; a < m->attack_count; a++) {
        const bool clean = matrix_is_clean(m->attacks[a]);
        write_text(out, column_at(m, a) + WIDE / 2.0, y + 44,
                   "text-anchor=\"middle\" font-size=\"11\" fill=\"#555\"",
                   clean ? maps[kind].clean : m->attacks[a], clean ? NAMED : TITLED);
    }
    y += HEAD;
    for (size_t i = 0; i < m->row_count; i++)
        if (m->rows[i].kind == kind) {
            write_row(out, m, &m->rows[i], y);
            y += HIGH;
        }
}

void matrix_picture(FILE *out, const matrix *m) {
    double high = EDGE;
    const double wide = LEFT + WIDE * (double)m->attack_count + GAP + EDGE;
    for (int kind = 0; kind < MATRIX_KINDS; kind++)
        high += rows_of(m, (matrix_kind)kind) > 0
                    ? HEAD + HIGH * (double)rows_of(m, (matrix_kind)kind) + EDGE
                    : 0;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
            "height=\"%.0f\" role=\"img\" aria-label=\"Who wins where: the scores of each defence "
            "by attack\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            wide, high, wide, high);
    double y = EDGE;
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        const size_t rows = rows_of(m, (matrix_kind)kind);
        if (rows == 0)
            continue;
        write_map(out, m, (matrix_kind)kind, y);
        y += HEAD + HIGH * (double)rows + EDGE;
    }
    fputs("</svg>\n", out);
}
