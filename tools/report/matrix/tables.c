/* SPDX-License-Identifier: MIT */
/* The tables of the leaderboard. */
#include "report/html.h"
#include "report/matrix/matrix.h"
#include <math.h>
#include <string.h>

/* --- ranks --- */

typedef struct ranked {
    size_t rank, attacks;
    const char *defence;
    double means[MATRIX_MEASURES]; /* over the attacks; shares in percent */
    double clean[MATRIX_MEASURES]; /* of models without a backdoor */
} ranked;

#define MEAN(measure) offsetof(ranked, means) + (measure) * sizeof(double)
#define CLEAN(measure) offsetof(ranked, clean) + (measure) * sizeof(double)
#define PERCENT(name_, title_, offset_)                                                            \
    { name_, title_, TOOL_REAL, offset_, "%", 2 }
#define COSTS(at)                                                                                  \
    {"seconds", "seconds", TOOL_REAL, at(MATRIX_SECONDS), .digits = 1},                            \
        {"forward", "images forward", TOOL_REAL, at(MATRIX_FORWARD), .digits = 0}, {               \
        "backward", "images back", TOOL_REAL, at(MATRIX_BACKWARD), .digits = 0                     \
    }

static const tool_column repair_ranks[] = {
    {"rank", "rank", TOOL_COUNT, offsetof(ranked, rank)},
    {"defence", "defence", TOOL_TEXT, offsetof(ranked, defence)},
    PERCENT("der", "DER", MEAN(MATRIX_DER)),
    PERCENT("accuracy", "accuracy", MEAN(MATRIX_ACCURACY)),
    PERCENT("asr", "ASR", MEAN(MATRIX_ASR)),
    PERCENT("ra", "RA", MEAN(MATRIX_RA)),
    PERCENT("clean_lost", "lost by a clean model", CLEAN(MATRIX_LOST)),
    {"attacks", "attacks", TOOL_COUNT, offsetof(ranked, attacks)},
    COSTS(MEAN),
    {0},
};

static const tool_column detector_ranks[] = {
    {"rank", "rank", TOOL_COUNT, offsetof(ranked, rank)},
    {"defence", "detector", TOOL_TEXT, offsetof(ranked, defence)},
    PERCENT("auroc", "AUROC", MEAN(MATRIX_AUROC)),
    PERCENT("flagged", "triggered inputs flagged", MEAN(MATRIX_FLAGGED)),
    PERCENT("alarms", "clean inputs flagged", MEAN(MATRIX_ALARMS)),
    PERCENT("clean_alarms", "and by a clean model", CLEAN(MATRIX_ALARMS)),
    {"attacks", "attacks", TOOL_COUNT, offsetof(ranked, attacks)},
    COSTS(MEAN),
    {0},
};

static const tool_column filter_ranks[] = {
    {"rank", "rank", TOOL_COUNT, offsetof(ranked, rank)},
    {"defence", "filter", TOOL_TEXT, offsetof(ranked, defence)},
    PERCENT("f1", "F1", MEAN(MATRIX_F1)),
    PERCENT("precision", "precision", MEAN(MATRIX_PRECISION)),
    PERCENT("recall", "recall", MEAN(MATRIX_RECALL)),
    PERCENT("alarms", "clean images suspected", MEAN(MATRIX_ALARMS)),
    PERCENT("clean_alarms", "and of a clean set", CLEAN(MATRIX_ALARMS)),
    {"attacks", "attacks", TOOL_COUNT, offsetof(ranked, attacks)},
    COSTS(MEAN),
    {0},
};

/* --- cells --- */

#define CELL(measure) offsetof(matrix_cell, values) + (measure) * sizeof(tool_estimate)
#define ESTIMATE(name_, title_, measure)                                                           \
    { name_, title_, TOOL_ESTIMATE, CELL(measure), "%", 2 }
#define CELL_ENDS                                                                                  \
    {"seeds", "seeds", TOOL_COUNT, offsetof(matrix_cell, seeds)},                                  \
        {"seconds", "seconds", TOOL_ESTIMATE, CELL(MATRIX_SECONDS), .digits = 1},                  \
        {"forward", "images forward", TOOL_REAL,                                                   \
         CELL(MATRIX_FORWARD) + offsetof(tool_estimate, value), .digits = 0},                      \
        {"backward", "images back", TOOL_REAL,                                                     \
         CELL(MATRIX_BACKWARD) + offsetof(tool_estimate, value), .digits = 0},                     \
    {                                                                                              \
        0                                                                                          \
    }

static const tool_column repair_cells[] = {
    {"attack", "attack", TOOL_TEXT, offsetof(matrix_cell, attack)},
    {"defence", "defence", TOOL_TEXT, offsetof(matrix_cell, defence)},
    ESTIMATE("accuracy", "accuracy", MATRIX_ACCURACY),
    ESTIMATE("asr", "ASR", MATRIX_ASR),
    ESTIMATE("ra", "RA", MATRIX_RA),
    ESTIMATE("der", "DER", MATRIX_DER),
    ESTIMATE("lost", "accuracy lost", MATRIX_LOST),
    CELL_ENDS,
};

static const tool_column detector_cells[] = {
    {"attack", "attack", TOOL_TEXT, offsetof(matrix_cell, attack)},
    {"defence", "detector", TOOL_TEXT, offsetof(matrix_cell, defence)},
    ESTIMATE("auroc", "AUROC", MATRIX_AUROC),
    ESTIMATE("flagged", "triggered inputs flagged", MATRIX_FLAGGED),
    ESTIMATE("alarms", "clean inputs flagged", MATRIX_ALARMS),
    ESTIMATE("f1", "F1", MATRIX_F1),
    CELL_ENDS,
};

static const tool_column filter_cells[] = {
    {"attack", "attack", TOOL_TEXT, offsetof(matrix_cell, attack)},
    {"defence", "filter", TOOL_TEXT, offsetof(matrix_cell, defence)},
    ESTIMATE("precision", "precision", MATRIX_PRECISION),
    ESTIMATE("recall", "recall", MATRIX_RECALL),
    ESTIMATE("f1", "F1", MATRIX_F1),
    ESTIMATE("alarms", "clean images suspected", MATRIX_ALARMS),
    CELL_ENDS,
};

/* The two tables of a kind. */
static const tool_table_kind rank_tables[MATRIX_KINDS] = {
    {.name = "repair_ranks", .title = "Repairs by mean DER", .columns = repair_ranks},
    {.name = "detector_ranks",
     .title = "Detectors of inputs by mean AUROC",
     .columns = detector_ranks},
    {.name = "filter_ranks",
     .title = "Filters of training sets by mean F1",
     .columns = filter_ranks},
};

static const tool_table_kind cell_tables[MATRIX_KINDS] = {
    {.name = "repairs", .title = "Repairs, attack by attack", .columns = repair_cells},
    {.name = "detectors", .title = "Detectors, attack by attack", .columns = detector_cells},
    {.name = "filters", .title = "Filters, attack by attack", .columns = filter_cells},
};

/* --- rows --- */

static double percent_of(size_t measure) {
    return measure < MATRIX_SECONDS ? 100 : 1;
}

/* The mean over a defence's cells, of clean models or the others; NaN if there are none. */
static double mean_of(const matrix *m, const matrix_row *row, size_t measure, bool clean) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < m->cell_count; i++) {
        const matrix_cell *cell = &m->cells[i];
        const double value = cell->values[measure].value;
        if (cell->kind != row->kind || strcmp(cell->defence, row->defence) != 0 ||
            matrix_is_clean(cell->attack) != clean || isnan(value))
            continue;
        sum += value;
        count++;
    }
    return count > 0 ? percent_of(measure) * sum / (double)count : NAN;
}

static td_status add_ranks(matrix *m, matrix_kind kind, td_error *error) {
    tool_table *table;
    size_t rank = 0;
    TD_TRY(tool_table_add(&m->tables, &rank_tables[kind], &table, error));
    for (size_t i = 0; i < m->row_count; i++) {
        const matrix_row *row = &m->rows[i];
        ranked line = {TOOL_NO_COUNT, row->attacks, row->defence, {0}, {0}};
        if (row->kind != kind)
            continue;
        if (!isnan(row->score) && strcmp(row->defence, "none") != 0)
            line.rank = ++rank;
        for (size_t v = 0; v < MATRIX_MEASURES; v++) {
            line.means[v] = mean_of(m, row, v, false);
            line.clean[v] = mean_of(m, row, v, true);
        }
        TD_TRY(tool_table_fill(&m->tables, table, &line, error));
    }
    return TD_OK;
}

static td_status add_cells(matrix *m, matrix_kind kind, td_error *error) {
    tool_table *table;
    TD_TRY(tool_table_add(&m->tables, &cell_tables[kind], &table, error));
    for (size_t i = 0; i < m->cell_count; i++) {
        matrix_cell cell = m->cells[i];
        if (cell.kind != kind)
            continue;
        for (size_t v = 0; v < MATRIX_MEASURES; v++) {
            tool_estimate *value = &cell.values[v];
            value->value *= percent_of(v);
            value->interval.low *= percent_of(v);
            value->interval.high *= percent_of(v);
        }
        TD_TRY(tool_table_fill(&m->tables, table, &cell, error));
    }
    return TD_OK;
}

td_status matrix_tables(matrix *m, td_error *error) {
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        bool any = false;
        for (size_t i = 0; i < m->row_count && !any; i++)
            any = m->rows[i].kind == (matrix_kind)kind;
        if (!any)
            continue;
        TD_TRY(add_ranks(m, (matrix_kind)kind, error));
        TD_TRY(add_cells(m, (matrix_kind)kind, error));
    }
    return TD_OK;
}

/* --- for people --- */

static const char about[] =
    "Means over the seeds with 95 % intervals (Student's t); ranks by the mean over the attacks, "
    "of which clean is none: its models have no backdoor, and what a defence takes from them or "
    "flags is a false alarm. none is the model as it is. DER is 50 % where nothing changed.";

void matrix_page(report *r, const matrix *m) {
    html_put(r->out, "<section id=\"paper\"><h2>Leaderboard</h2>\n<p class=\"note\">", about,
             "</p>\n");
    fputs("<figure class=\"board\">", r->out);
    matrix_picture(r->out, m);
    fputs("</figure>\n", r->out);
    for (const tool_table *table = m->tables.first; table; table = table->next)
        report_table(r, NULL, table);
    fputs("</section>\n", r->out);
}

void matrix_markdown(FILE *out, const matrix *m, const char *title, const char *picture,
                     const td_many *notes) {
    fputs("# ", out);
    report_text_markdown(out, title);
    fprintf(out, "\n\n%s\n\n", about);
    for (size_t i = 0; i < notes->count; i++) {
        fputs("- ", out);
        report_text_markdown(out, notes->texts[i]);
        fputs(i + 1 < notes->count ? "\n" : "\n\n", out);
    }
    fprintf(out, "![who wins where](%s)\n\n", picture);
    for (const tool_table *table = m->tables.first; table; table = table->next) {
        fprintf(out, "## %s\n\n", table->kind->title);
        report_table_markdown(out, table);
        fputc('\n', out);
    }
}

td_status matrix_json(const matrix *m, const td_many *notes, json_t **out, td_error *error) {
    td_json json = {0};
    *out = td_json_pack(&json, "{ss ss}", "tool", "trapdoor-report", "version", TD_VERSION);
    json_t *list = td_json_set(&json, *out, "notes", td_json_array(&json));
    for (size_t i = 0; i < notes->count; i++)
        td_json_append(&json, list, td_json_text(&json, notes->texts[i]));
    tool_tables_json(&m->tables, &json, *out);
    return td_json_end(&json, out, "the leaderboard", error);
}
