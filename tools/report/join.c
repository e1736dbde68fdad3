/* SPDX-License-Identifier: MIT */
/* Joins tables of several records: the same measurements of many models. */
#include "report/report.h"

#include <string.h>

/* The tables with one title in the records of one kind. */
typedef struct group {
    const report_kind *kind;
    tool_table_kind joined; /* with the columns of all, after the record's name */
    tool_column columns[TOOL_TABLE_COLUMNS + 1];
    size_t column_count;
    const report_record *first; /* the first record with it */
    bool again;                 /* another record has it too */
} group;

enum { MOST = 40 /* groups */ };

static const tool_tables *tables_of(const report_record *record) {
    return record->tables.first ? &record->tables : &record->derived;
}

static bool is_of(const group *g, const report_record *record, const tool_table *table) {
    return g->kind == record->kind && strcmp(g->joined.title, table->kind->title) == 0;
}

static bool is_joined(const tool_table *table) {
    bool rates = false;
    for (size_t c = 0; c < table->column_count; c++)
        rates = rates || table->kind->columns[c].kind == TOOL_RATE;
    return rates && !table->kind->drawn;
}

/* Adds the table's columns that the joined one does not have yet. */
static void add_columns(group *g, const tool_table *table) {
    for (size_t c = 0; c < table->column_count; c++) {
        size_t k = 0;
        while (k < g->column_count && strcmp(g->columns[k].name, table->kind->columns[c].name) != 0)
            k++;
        if (k == g->column_count && k < TOOL_TABLE_COLUMNS)
            g->columns[g->column_count++] = table->kind->columns[c];
    }
}

static size_t list_groups(const report *r, group *groups) {
    size_t count = 0;
    for (const report_record *b = r->records; b < r->records + r->record_count; b++)
        for (const tool_table *t = tables_of(b)->first; t; t = t->next) {
            group *g = groups;
            while (g < groups + count && !is_of(g, b, t))
                g++;
            if (g == groups + count && (count == MOST || !is_joined(t)))
                continue;
            if (g == groups + count) {
                *g = (group){.kind = b->kind,
                             .joined = {.title = t->kind->title, .columns = g->columns},
                             .columns = {{"record", "record", TOOL_TEXT}},
                             .column_count = 1,
                             .first = b};
                count++;
            }
            g->again = g->again || g->first != b;
            add_columns(g, t);
        }
    return count;
}

/* Copies rows into the joined columns with the same names and kinds. */
static td_status add_rows(tool_tables *tables, tool_table *joined, const report_record *record,
                          const tool_table *table, td_error *error) {
    tool_cell *row;
    for (size_t i = 0; i < table->row_count; i++) {
        TD_TRY(tool_table_row(tables, joined, &row, error));
        row[0] = (tool_cell){.given = true, .text = record->file.name};
        for (size_t c = 0; c < table->column_count; c++)
            for (size_t k = 1; k < joined->column_count; k++)
                if (strcmp(joined->kind->columns[k].name, table->kind->columns[c].name) == 0 &&
                    joined->kind->columns[k].kind == table->kind->columns[c].kind)
                    row[k] = table->cells[i * table->column_count + c];
    }
    return TD_OK;
}

static td_status join(report *r, const group *g, td_error *error) {
    tool_tables tables = {0};
    tool_table *joined = NULL;
    td_status status = tool_table_add(&tables, &g->joined, &joined, error);
    for (const report_record *b = g->first; b < r->records + r->record_count; b++)
        for (const tool_table *t = tables_of(b)->first; t && status == TD_OK; t = t->next)
            if (is_of(g, b, t))
                status = add_rows(&tables, joined, b, t, error);
    if (status == TD_OK)
        report_table(r, NULL, joined);
    tool_tables_free(&tables);
    return status;
}

td_status report_join(report *r, td_error *error) {
    group *groups;
    bool any = false;
    TD_TRY(TD_ARENA_NEW(&r->arena, MOST, &groups, "tables", error));
    const size_t count = list_groups(r, groups);
    for (size_t i = 0; i < count; i++) {
        if (!groups[i].again)
            continue;
        fputs(any ? "" : "<section id=\"models\"><h2>Records beside each other</h2>\n", r->out);
        any = true;
        TD_TRY(join(r, &groups[i], error));
    }
    fputs(any ? "</section>\n" : "", r->out);
    return TD_OK;
}
