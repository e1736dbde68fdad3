/* SPDX-License-Identifier: MIT */
/* A table in Markdown. */
#include "report/report.h"
#include <string.h>

enum { CELL = 512 };

void report_text_markdown(FILE *out, const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            fputc(' ', out);
        else if (strchr("\\`*_|<>[]#~&", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static bool is_shown(const tool_table *table, size_t c) {
    return table->kind->columns[c].title != NULL;
}

static void write_cell(FILE *out, const tool_column *column, const tool_cell *cell) {
    char text[CELL];
    report_text_markdown(out, cell->given && column->kind == TOOL_TEXT
                                  ? cell->text
                                  : tool_cell_print(column, cell, text, sizeof text));
}

/* One row, as a list of names and values. */
static void write_single(FILE *out, const tool_table *table) {
    char text[CELL];
    for (size_t c = 0; c < table->column_count; c++) {
        if (!is_shown(table, c) || tool_table_lacks(table, c))
            continue;
        fputs("- ", out);
        report_text_markdown(out, tool_column_print(&table->kind->columns[c], text, sizeof text));
        fputs(": ", out);
        write_cell(out, &table->kind->columns[c], &table->cells[c]);
        fputc('\n', out);
    }
}

void report_table_markdown(FILE *out, const tool_table *table) {
    const tool_column *columns = table->kind->columns;
    char text[CELL];
    if (table->kind->single) {
        write_single(out, table);
        return;
    }
    for (size_t c = 0; c < table->column_count; c++)
        if (is_shown(table, c)) {
            fputs("| ", out);
            report_text_markdown(out, tool_column_print(&columns[c], text, sizeof text));
            fputc(' ', out);
        }
    fputs("|\n", out);
    for (size_t c = 0; c < table->column_count; c++)
        if (is_shown(table, c))
            fputs(tool_column_is_right(&columns[c]) ? "|--:" : "|---", out);
    fputs("|\n", out);
    for (size_t i = 0; i < table->row_count; i++) {
        for (size_t c = 0; c < table->column_count; c++)
            if (is_shown(table, c)) {
                fputs("| ", out);
                write_cell(out, &columns[c], &table->cells[i * table->column_count + c]);
                fputc(' ', out);
            }
        fputs("|\n", out);
    }
}
