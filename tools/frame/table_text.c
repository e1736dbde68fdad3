/* SPDX-License-Identifier: MIT */
/* Tables for a terminal: a heading and a line per row, or for a single row a line per value. */
#include "base/size.h"
#include "frame/table.h"
#include <math.h>
#include <string.h>

enum { CELL_SIZE = 256 };

/* Larger numbers are printed in exponential notation. */
#define LARGEST 1e12

static void print_real(double value, int digits, char *out, size_t size) {
    const bool fixed = digits > 0 && fabs(value) < LARGEST;
    snprintf(out, size, fixed ? "%.*f" : "%.*g", fixed ? digits : 5, value);
}

static int estimate_digits(const tool_column *column) {
    return column->digits ? column->digits : 4;
}

/* As much as fits; "-" for no value and for elements that are not finite. */
static void print_list(const tool_cell *cell, int digits, char *out, size_t size) {
    size_t used = 0;
    snprintf(out, size, "-");
    for (size_t i = 0; i < cell->list.count && used < size; i++) {
        const char *gap = i > 0 ? ", " : "";
        const double value = cell->list.texts ? 0 : cell->list.values[i];
        used += (size_t)(cell->list.texts
                             ? snprintf(out + used, size - used, "%s%s", gap, cell->list.texts[i])
                             : snprintf(out + used, size - used,
                                        isfinite(value) && fabs(value) < LARGEST ? "%s%.*f" : "%s-",
                                        gap, digits, value));
    }
}

const char *tool_cell_print_value(const tool_column *column, const tool_cell *cell, char *out,
                                  size_t size) {
    *out = '\0';
    if (!cell->given)
        return out;
    switch (column->kind) {
    case TOOL_TEXT:
        snprintf(out, size, "%s", cell->text);
        break;
    case TOOL_COUNT:
        snprintf(out, size, "%zu", cell->count);
        break;
    case TOOL_REAL:
        print_real(cell->real, column->digits, out, size);
        break;
    case TOOL_RATE:
        if (cell->rate.trials > 0)
            snprintf(out, size, "%.2f", 100 * cell->rate.value);
        break;
    case TOOL_ESTIMATE:
        print_real(cell->estimate.value, estimate_digits(column), out, size);
        break;
    case TOOL_FLAG:
        snprintf(out, size, "%s",
                 column->flag ? (cell->flag ? column->flag : "") : (cell->flag ? "yes" : "no"));
        break;
    case TOOL_LIST:
        print_list(cell, column->digits, out, size);
        break;
    case TOOL_CLASS:
        if (cell->class.name)
            snprintf(out, size, "%zu \"%.64s\"", cell->class.index, cell->class.name);
        else
            snprintf(out, size, "%zu", cell->class.index);
        break;
    }
    return out;
}

const char *tool_cell_print_interval(const tool_column *column, const tool_cell *cell, char *out,
                                     size_t size) {
    char low[CELL_SIZE / 2], high[CELL_SIZE / 2];
    *out = '\0';
    if (!cell->given)
        return out;
    if (column->kind == TOOL_RATE && cell->rate.trials > 0)
        snprintf(out, size, "[%.2f, %.2f]", 100 * cell->rate.interval.low,
                 100 * cell->rate.interval.high);
    if (column->kind == TOOL_ESTIMATE && !isnan(cell->estimate.interval.low)) {
        print_real(cell->estimate.interval.low, estimate_digits(column), low, sizeof low);
        print_real(cell->estimate.interval.high, estimate_digits(column), high, sizeof high);
        snprintf(out, size, "[%s, %s]", low, high);
    }
    return out;
}

const char *tool_cell_print(const tool_column *column, const tool_cell *cell, char *out,
                            size_t size) {
    char interval[CELL_SIZE];
    tool_cell_print_value(column, cell, out, size);
    tool_cell_print_interval(column, cell, interval, sizeof interval);
    const size_t used = strlen(out);
    if (*interval && used < size)
        snprintf(out + used, size - used, " %s", interval);
    return out;
}

const char *tool_column_print(const tool_column *column, char *out, size_t size) {
    const char *unit = column->unit ? column->unit : column->kind == TOOL_RATE ? "%" : NULL;
    snprintf(out, size, "%s%s%s", column->title, unit ? ", " : "", unit ? unit : "");
    return out;
}

bool tool_column_is_right(const tool_column *column) {
    return column->right || (column->kind != TOOL_TEXT && column->kind != TOOL_FLAG &&
                             column->kind != TOOL_LIST && column->kind != TOOL_CLASS);
}

/* Characters, not bytes: continuation bytes of UTF-8 do not count. */
static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_padded(const char *text, size_t width, bool right, FILE *stream) {
    const size_t own = width_of(text);
    const int pad = width > own ? (int)(width - own) : 0;
    if (right)
        fprintf(stream, "  %*s%s", pad, "", text);
    else
        fprintf(stream, "  %s%*s", text, pad, "");
}

typedef struct layout {
    size_t shown[TOOL_TABLE_COLUMNS], width[TOOL_TABLE_COLUMNS], count;
} layout;

static layout lay_out(const tool_table *table) {
    layout l = {.count = 0};
    char text[CELL_SIZE];
    for (size_t c = 0; c < table->column_count; c++) {
        const tool_column *column = &table->kind->columns[c];
        if (!column->title || tool_table_lacks(table, c))
            continue;
        size_t width = width_of(tool_column_print(column, text, sizeof text));
        for (size_t i = 0; i < table->row_count; i++)
            width = td_size_max(
                width, width_of(tool_cell_print(column, &table->cells[i * table->column_count + c],
                                                text, sizeof text)));
        l.width[l.count] = width;
        l.shown[l.count++] = c;
    }
    return l;
}

/* Without trailing blanks. */
static void print_line(const tool_table *table, const layout *l, const tool_cell *row,
                       FILE *stream) {
    char text[CELL_SIZE];
    size_t last = 0;
    for (size_t k = 0; k < l->count; k++) {
        const tool_column *column = &table->kind->columns[l->shown[k]];
        if (!row || *tool_cell_print(column, &row[l->shown[k]], text, sizeof text))
            last = k + 1;
    }
    for (size_t k = 0; k < last; k++) {
        const tool_column *column = &table->kind->columns[l->shown[k]];
        if (row)
            tool_cell_print(column, &row[l->shown[k]], text, sizeof text);
        else
            tool_column_print(column, text, sizeof text);
        print_padded(text, k + 1 < last || tool_column_is_right(column) ? l->width[k] : 0,
                     tool_column_is_right(column), stream);
    }
    fputc('\n', stream);
}

/* "  AUROC: 0.9980 [0.9970, 0.9987]". */
static void print_single(const tool_table *table, FILE *stream) {
    char text[CELL_SIZE];
    for (size_t c = 0; c < table->column_count && table->row_count > 0; c++) {
        const tool_column *column = &table->kind->columns[c];
        const char *unit = column->unit ? column->unit : column->kind == TOOL_RATE ? "%" : NULL;
        if (column->title && *tool_cell_print(column, &table->cells[c], text, sizeof text))
            fprintf(stream, "  %s: %s%s%s\n", column->title, text, unit ? " " : "",
                    unit ? unit : "");
    }
}

void tool_tables_print(const tool_tables *tables, FILE *stream) {
    for (const tool_table *table = tables->first; table; table = table->next) {
        if (!table->kind->title || table->kind->drawn || table->row_count == 0)
            continue;
        if (*table->kind->title)
            fprintf(stream, "%s\n", table->kind->title);
        if (table->kind->single) {
            print_single(table, stream);
            continue;
        }
        const layout l = lay_out(table);
        print_line(table, &l, NULL, stream);
        for (size_t i = 0; i < table->row_count; i++)
            print_line(table, &l, table->cells + i * table->column_count, stream);
    }
}
