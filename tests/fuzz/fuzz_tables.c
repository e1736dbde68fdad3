/* SPDX-License-Identifier: MIT */
/* A record as trapdoor-report reads it: its described tables, and those derived from the rest.
 * Whatever it contains, every cell can be printed, and numbers are finite. */
#include "base/json.h"
#include "fuzz.h"
#include "report/report.h"
#include <math.h>
#include <string.h>

static void check_cell(const tool_column *column, const tool_cell *cell) {
    char text[256];
    tool_cell_print(column, cell, text, sizeof text);
    FUZZ_ASSERT(strlen(text) < sizeof text);
    if (!cell->given)
        return;
    if (column->kind == TOOL_REAL)
        FUZZ_ASSERT(isfinite(cell->real));
    if (column->kind == TOOL_ESTIMATE)
        FUZZ_ASSERT(isfinite(cell->estimate.value) && isfinite(cell->estimate.interval.low));
    if (column->kind == TOOL_RATE)
        FUZZ_ASSERT(cell->rate.value >= 0 && cell->rate.value <= 1);
    if (column->kind == TOOL_TEXT)
        fuzz_touch(cell->text, strlen(cell->text));
}

static void check_tables(const json_t *root) {
    tool_tables tables = {0};
    td_error error = {""};
    fuzz_expect(tool_tables_read(&tables, root, NULL, NULL, &error), &error);
    for (const tool_table *table = tables.first; table; table = table->next)
        for (size_t i = 0; i < table->row_count * table->column_count; i++)
            check_cell(&table->kind->columns[i % table->column_count], &table->cells[i]);
    tool_tables_free(&tables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_error error = {""};
    json_t *root, *rest;
    if (!fuzz_succeeded(td_json_parse((const char *)data, size, &root, &error), &error))
        return 0;
    check_tables(root);
    rest = report_derive(root);
    FUZZ_ASSERT(rest);
    check_tables(rest);
    json_decref(rest);
    json_decref(root);
    return 0;
}
