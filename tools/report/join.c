/* Tables that several records have, side by side: the same measurements of many models. */
#include "report/report.h"

#include <string.h>

/* The tables of one title in the records of one kind. */
typedef struct group {
    const report_kind *kind;
    const char *title;
    const report_record *first; /* the record that has it first */
    bool again;                 /* another has it, too */
} group;

enum { MOST = 40 /* groups */ };

static const tool_tables *tables_of(const report_record *record) {
    return record->tables.first ? &record->tables : &record->derived;
}

static bool is_of(const group *g, const report_record *record, const tool_table *table) {
    return g->kind == record->kind && strcmp(g->title, table->kind->title) == 0;
}

static bool is_joined(const tool_table *table) {
    bool rates = false;
    for (size_t c = 0; c < table->column_count; c++)
        rates = rates || table->kind->columns[c].kind == TOOL_RATE;
    return rates && !table->kind->drawn;
}

static size_t list_groups(const report *r, group groups[MOST]) {
    size_t count = 0;
    for (const report_record *b = r->records; b < r->records + r->record_count; b++)
        for (const tool_table *t = tables_of(b)->first; t; t = t->next) {
            size_t k = 0;
            while (k < count && !is_of(&groups[k], b, t))
                k++;
            if (k < count)
                groups[k].again = groups[k].again || groups[k].first != b;
            else if (k < MOST && is_joined(t))
                groups[count++] = (group){b->kind, t->kind->title, b, false};
        }
    return count;
}

/* The table's columns that the joined one has not yet. */
static size_t add_columns(const tool_table *table, tool_column *columns, size_t count) {
    for (size_t c = 0; c < table->column_count; c++) {
        size_t k = 0;
        while (k < count && strcmp(columns[k].name, table->kind->columns[c].name) != 0)
            k++;
        if (k == count && count < TOOL_TABLE_COLUMNS)
            columns[count++] = table->kind->columns[c];
    }
    return count;
}

/* Copies the rows below the joined columns of the same names and kinds. */
static td_status add_rows(tool_tables *tables, tool_table *joined, const report_record *record,
                          const tool_table *table, td_error *error) {
    tool_cell *row;
    for (size_t i = 0; i < table->row_count; i++) {
        TD_TRY(tool_table_row(tables, joined, &row, error));
        tool_cell_word(&row[0], record->file.name);
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
    tool_column columns[TOOL_TABLE_COLUMNS + 1] = {
        {.name = "record", .title = "record", .kind = TOOL_TEXT}};
    tool_table_kind kind = {.title = g->title, .columns = columns};
    tool_table *joined = NULL;
    td_status status = TD_OK;
    size_t count = 1;
    for (int pass = 0; pass < 2 && status == TD_OK; pass++) {
        if (pass == 1)
            status = tool_table_add(&tables, &kind, &joined, error);
        for (const report_record *b = g->first; b < r->records + r->record_count; b++)
            for (const tool_table *t = tables_of(b)->first; t && status == TD_OK; t = t->next) {
                if (!is_of(g, b, t))
                    continue;
                if (pass == 0)
                    count = add_columns(t, columns, count);
                else
                    status = add_rows(&tables, joined, b, t, error);
            }
    }
    if (status == TD_OK)
        report_table(r, NULL, joined);
    tool_tables_free(&tables);
    return status;
}

td_status report_join(report *r, td_error *error) {
    group groups[MOST];
    const size_t count = list_groups(r, groups);
    bool any = false;
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
