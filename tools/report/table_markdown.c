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

void report_table_markdown(FILE *out, const tool_table *table) {
    const tool_column *columns = table->kind->columns;
    char text[CELL];
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
                const tool_cell *cell = &table->cells[i * table->column_count + c];
                const bool plain = cell->given && columns[c].kind == TOOL_TEXT;
                fputs("| ", out);
                report_text_markdown(out,
                                     plain ? cell->text
                                           : tool_cell_print(&columns[c], cell, text, sizeof text));
                fputc(' ', out);
            }
        fputs("|\n", out);
    }
}
