/* SPDX-License-Identifier: MIT */
/* The report: escaping, recognition of records, derived tables, and scripts for gnuplot. */
#include "report/chart.h"
#include "report/html.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The output of a function of html.h. */
static char *written(void (*write)(FILE *out, const void *what), const void *what) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    write(out, what);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void write_text(FILE *out, const void *what) {
    html_text(out, what);
}

static void assert_text(const char *text, const char *expected) {
    char *found = written(write_text, text);
    assert_string_equal(found, expected);
    free(found);
}

static json_t *parse(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void text_is_escaped(void **state) {
    (void)state;
    assert_text("plain, 5 > 4", "plain, 5 &gt; 4");
    assert_text("</td><script>alert(\"1\")</script>",
                "&lt;/td&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    assert_text("' onload='x&y", "&#39; onload=&#39;x&amp;y");
    assert_text(NULL, "");
    assert_text("L\xE2\x88\x9E \xF0\x9F\x8E\x89", "L\xE2\x88\x9E \xF0\x9F\x8E\x89");
}

static void bytes_that_are_no_text_are_replaced(void **state) {
    (void)state;
#define R "\xEF\xBF\xBD"
    assert_text("a\x01\x1b[2Jb\x7f", "a" R R "[2Jb" R);
    assert_text("\xff\xfe", R R);
    assert_text("\xC0\xBC", R R);                    /* "<" in too many bytes */
    assert_text("\xED\xA0\x80", R R R);              /* a surrogate */
    assert_text("\xF4\x90\x80\x80", R R R R);        /* beyond Unicode */
    assert_text("cut \xE2\x88", "cut " R R);         /* an end within a character */
    assert_text("\xE2\x80\xAEgpj.exe", R "gpj.exe"); /* right to left */
    assert_text("a\xE2\x80\x8Bz", "a" R "z");        /* of no width */
#undef R
}

static void long_text_is_cut_between_characters(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    for (size_t i = 0; i + 1 < SIZE; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    text[0] = 'x', text[1] = 'x';
    text[SIZE] = '\0';
    char *found = written(write_text, text);
    assert_int_equal(strlen(found), HTML_TEXT_MOST + strlen("…"));
    assert_memory_equal(found + HTML_TEXT_MOST - 2, "\xC3\xA9…", 2 + strlen("…"));
    free(found);
    free(text);
}

static void labels_are_words(void **state) {
    (void)state;
    char label[HTML_LABEL_SIZE];
    html_label(label, "robust_accuracy");
    assert_string_equal(label, "robust accuracy");
    html_label(label, "asr");
    assert_string_equal(label, "ASR");
}

/* The tables of a record, or all its values, on the page. */
static char *page_of(const char *text, bool whole) {
    json_t *root = parse(text), *rest = whole ? report_derive_values(root) : report_derive(root);
    tool_tables tables = {0};
    char *out = NULL;
    size_t size = 0;
    report r = {.out = open_memstream(&out, &size)};
    td_error error;
    assert_non_null(rest);
    assert_int_equal(tool_tables_read(&tables, root, NULL, NULL, &error), TD_OK);
    assert_int_equal(tool_tables_read(&tables, rest, NULL, NULL, &error), TD_OK);
    for (const tool_table *table = tables.first; table; table = table->next)
        report_table(&r, NULL, table);
    report_free(&r);
    tool_tables_free(&tables);
    json_decref(rest);
    json_decref(root);
    return out;
}

static void assert_on_page(const char *record, const char *expected) {
    char *text = page_of(record, false);
    support_assert_contains(text, expected);
    free(text);
}

/* The rendering of an option's value. */
static void assert_value(const char *text, const char *expected) {
    char option[200], line[400];
    snprintf(option, sizeof option, "{\"a_b\": %s}", text);
    char *found = page_of(option, true);
    snprintf(line, sizeof line, "<dl class=\"values\">\n<div><dt>a b%s</dd></div>\n</dl>\n",
             expected);
    assert_string_equal(found, line);
    free(found);
}

static void all_values_are_shown(void **state) {
    (void)state;
    assert_value("\"<b>\"", "</dt><dd>&lt;b&gt;");
    assert_value("1", "</dt><dd>1");
    assert_value("1e308", "</dt><dd>1e+308");
    assert_value("true", "</dt><dd>yes");
    assert_value("false", "</dt><dd>no");
    assert_value("null", "</dt><dd>none");
    assert_value("[]", "</dt><dd>none");
    assert_value("[\"x\", \"y\"]", "</dt><dd>x; y");
    assert_value("{\"c\": {\"d<\": [1, 2.5]}}", " c d&lt;</dt><dd>1, 2.5");
    assert_value("{\"c_count\": 5}", " c count</dt><dd>5");
    assert_value("[{\"c\": 5}]", " 1 c</dt><dd>5");
    assert_value("[1, \"x\"]", "</dt><dd>[1, &quot;x&quot;]");
    assert_value("[[[[[[[[1]]]]]]]]", "</dt><dd>[[[[[[[[1]]]]]]]]");
    assert_value("[0,1,2,3,4,5,6,7,8,9,10,11,12,13]",
                 "</dt><dd>0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13");
}

static void rates_have_intervals(void **state) {
    (void)state;
    assert_on_page(
        "{\"list\": [{\"asr\": 0.75, \"asr_interval\": [0.5, 0.9], \"asr_count\": [3, 4]}]}",
        "<td class=\"n\" data-v=\"0.75\" title=\"3 of 4\">75.00 <span "
        "class=\"ci\">[50.00, 90.00]</span></td>");
    assert_on_page("{\"list\": [{\"loss\": 0.75, \"loss_interval\": [0.5, 0.9]}]}",
                   "<td class=\"n\" data-v=\"0.75\">0.7500 <span class=\"ci\">[0.5000, "
                   "0.9000]</span></td>");
    assert_on_page("{\"list\": [{\"a\": 1e300}, {\"a\": -1e300, \"a_interval\": \"x\"}]}",
                   "<td class=\"n\" data-v=\"1e+300\">1e+300</td>");
    assert_on_page("{\"list\": [{\"asr\": \"<script>\"}, {\"asr\": 0.5}]}",
                   "<td>&lt;script&gt;</td>");
}

static void any_list_of_objects_is_a_table(void **state) {
    (void)state;
    static const char record[] =
        "{\"tool\": \"x\", \"cutoff\": 2, \"accuracy\": 0.5, \"outputs\": [{\"file\": \"f\"}],"
        " \"runs_of\": [{\"data\": \"a\", \"n\": 3, \"inner\": {\"psnr\": 30.5}, \"mean\": [1, 2],"
        "   \"on\": true, \"none\": null, \"deep\": [{\"k\": 1}, {\"k\": 2}]},"
        "  {\"data\": 7, \"n\": -1, \"more\": 1}]}";
    char *text = page_of(record, false);
    support_assert_contains(text, "<dt>cutoff</dt><dd>2</dd>");
    support_assert_contains(text, "<dt>accuracy, %</dt><dd>50.00</dd>");
    support_assert_contains(text, "<caption>runs of</caption>");
    support_assert_contains(text, "<th scope=\"col\">data</th><th scope=\"col\" class=\"n\">n</th>"
                                  "<th scope=\"col\" class=\"n\">inner PSNR");
    support_assert_contains(text,
                            "<tr><td>a</td><td class=\"n\" data-v=\"3\">3</td><td class=\"n\" "
                            "data-v=\"30.5\">30.5</td><td>1, 2</td><td>yes</td>");
    support_assert_contains(text, "<tr><td>7</td><td class=\"n\" data-v=\"-1\">-1</td>");
    support_assert_contains(text, ">deep 2 k</th>");
    assert_null(strstr(text, "<td>f</td>"));
    free(text);
}

static void described_tables_are_shown_as_they_say(void **state) {
    (void)state;
    static const char record[] =
        "{\"tool\": \"x\", \"share\": 0.25, \"list\": [{\"n\": 3, \"flagged\": true, \"size\": "
        "1.25},"
        "  {\"n\": 4, \"flagged\": false}], \"tables\": ["
        " {\"rows\": \"/list\", \"title\": \"A <list>\", \"columns\": ["
        "   {\"name\": \"n\", \"title\": \"number\", \"kind\": \"count\"},"
        "   {\"name\": \"flagged\", \"title\": \"\", \"kind\": \"flag\", \"flag\": \"FLAGGED\"},"
        "   {\"name\": \"size\", \"title\": \"size\", \"kind\": \"real\", \"unit\": \"pixels\","
        "    \"digits\": 1}]},"
        " {\"rows\": \"\", \"title\": \"\", \"columns\": ["
        "   {\"name\": \"share\", \"title\": \"the share\", \"kind\": \"real\"}]}]}";
    char *text = page_of(record, false);
    support_assert_contains(text, "<caption>A &lt;list&gt;</caption>");
    support_assert_contains(text, ">size, pixels</th>");
    support_assert_contains(text, "<tr class=\"flagged\"><td class=\"n\" data-v=\"3\">3</td>"
                                  "<td>FLAGGED</td><td class=\"n\" data-v=\"1.25\">1.2</td></tr>");
    support_assert_contains(text, "<dt>the share</dt><dd>0.25</dd>");
    assert_null(strstr(text, "<dt>share</dt>")); /* once */
    assert_null(strstr(text, "<caption>list"));
    free(text);
}

static void assert_kind(const char *text, const char *title) {
    json_t *root = parse(text);
    const report_kind *kind = report_kind_of(root);
    if (title) {
        assert_non_null(kind);
        assert_string_equal(kind->title, title);
    } else {
        assert_null(kind);
    }
    json_decref(root);
}

static void records_are_recognised(void **state) {
    (void)state;
    assert_kind("{\"tool\": \"trapdoor-eval\"}", "Evaluation");
    assert_kind("{\"tool\": \"trapdoor-train\", \"epochs\": []}", "Training");
    assert_kind("{\"tool\": \"trapdoor-defend\", \"method\": \"new\"}", "Defence");
    assert_kind("{\"tool\": \"trapdoor-tomorrow\"}", "Other record");
    assert_kind("{\"rule\": \"stamp\", \"triggers\": [], \"outputs\": []}", "Manifest");
    assert_kind("{\"method\": \"trojannet\", \"triggers\": [], \"outputs\": []}", "Manifest");
    assert_kind("{\"epochs\": []}", "Training log");
    assert_kind("{\"tool\": \"trapdoor-report\"}", NULL);
    assert_kind("{\"tool\": \"make\", \"epochs\": []}", NULL);
    assert_kind("{\"tool\": 5}", NULL);
    assert_kind("{\"name\": \"package\", \"version\": \"1\"}", NULL);
    assert_kind("[1, 2]", NULL);
    assert_kind("\"trapdoor-eval\"", NULL);
}

static void logs_are_read_line_by_line(void **state) {
    (void)state;
    td_error error;
    json_t *root;
    const char good[] = "{\"epoch\":1,\"loss\":2}\n{\"epoch\":2,\"loss\":1}";
    assert_int_equal(report_log_parse(good, strlen(good), &root, &error), TD_OK);
    assert_int_equal(json_array_size(json_object_get(root, "epochs")), 2);
    json_decref(root);
    const char half[] = "{\"epoch\":1}\n{\"epo";
    assert_int_equal(report_log_parse(half, strlen(half), &root, &error), TD_ERR_FORMAT);
    support_assert_contains(error.message, "row 2: line 1 column");
    const char other[] = "{\"epoch\":1}\n\n{\"step\":1}\n";
    assert_int_equal(report_log_parse(other, strlen(other), &root, &error), TD_ERR_FORMAT);
    assert_string_equal(error.message, "row 3: expected \"epoch\", found none");
}

static void write_script(FILE *out, const void *what) {
    gnuplot_script(out, what);
}

/* The plot of the first chart of a record's first table that has one. */
static plot plot_of(const char *record, tool_tables *tables, td_arena *arena) {
    json_t *root = parse(record), *rest = report_derive(root);
    td_error error;
    plot p = {0};
    assert_int_equal(tool_tables_read(tables, root, NULL, NULL, &error), TD_OK);
    assert_int_equal(tool_tables_read(tables, rest, NULL, NULL, &error), TD_OK);
    const tool_table *table = tables->first;
    while (table && !(table->kind->charts && table->kind->charts->title))
        table = table->next;
    assert_non_null(table);
    assert_int_equal(chart_plot(table, table->kind->charts, root, arena, &p, &error), TD_OK);
    for (size_t s = 0; s < p.count; s++) /* the names are the records' */
        p.series[s].name = s == 0 ? "'; !reboot" : "other";
    json_decref(rest);
    json_decref(root);
    return p;
}

#define COLUMNS                                                                                    \
    "\"columns\": [{\"name\": \"x\", \"title\": \"epoch\\\"; !x\", \"kind\": \"real\"},"           \
    "{\"name\": \"y\", \"title\": \"`x` ${y} (%)\", \"kind\": \"real\"}]"

/* No text of a file, and no number that is not finite, reaches gnuplot. */
static void scripts_are_of_numbers(void **state) {
    (void)state;
    static const char record[] =
        "{\"rows\": [{\"x\": 1, \"y\": 50}, {\"x\": 2, \"y\": \"nan\"}, {\"x\": null, \"y\": 3},"
        " {\"x\": 3, \"y\": 1e300}, {\"x\": 4, \"y\": 60}], \"limit\": 1e300,"
        " \"tables\": [{\"rows\": \"/rows\", \"title\": \"system('x')\", " COLUMNS ", \"charts\":"
        " [{\"title\": \"`reboot`\", \"kind\": \"lines\", \"x\": \"x\", \"y\": [\"y\"]}],"
        " \"axes\": {\"y_mark\": \"/limit\"}}]}";
    tool_tables tables = {0};
    td_arena arena = {0};
    plot p = plot_of(record, &tables, &arena);
    assert_int_equal(p.count, 1);
    char *script = written(write_script, &p);
    support_assert_contains(script, "reset\nset encoding utf8\nset terminal svg ");
    support_assert_contains(script, "set xlabel \"epoch x\" ");
    support_assert_contains(script, "set ylabel \"x y (%)\" ");
    support_assert_contains(script, "$d0 << END\n1 50 50 50\n4 60 60 60\nEND\nplot $d0 using");
    static const char *const never[] = {"reboot", "system", "yerrorbars", "nan", "inf", "arrow"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_null(strstr(script, never[i]));
    free(script);
    tool_tables_free(&tables);
    td_arena_free(&arena);
}

static void write_words(FILE *out, const void *what) {
    chart_describe(out, what);
}

static void charts_are_described(void **state) {
    (void)state;
    static const char record[] =
        "{\"classes\": [{\"class\": 0, \"index\": 1, \"flagged\": false},"
        " {\"class\": 1, \"index\": 5.5, \"flagged\": true},"
        " {\"class\": 2, \"index\": 0.5, \"flagged\": false}], \"tables\": [{\"rows\": "
        "\"/classes\","
        " \"title\": \"t\", \"columns\": [{\"name\": \"class\", \"title\": \"class\", \"kind\": "
        "\"count\"},"
        "  {\"name\": \"index\", \"title\": \"index\", \"kind\": \"real\"},"
        "  {\"name\": \"flagged\", \"title\": \"flagged\", \"kind\": \"flag\"}], \"charts\":"
        " [{\"title\": \"c\", \"kind\": \"bars\", \"x\": \"class\", \"y\": [\"index\"]}],"
        " \"axes\": {\"by\": \"flagged\"}}]}";
    tool_tables tables = {0};
    td_arena arena = {0};
    plot p = plot_of(record, &tables, &arena);
    assert_int_equal(p.count, 2); /* those that are flagged, and those that are not */
    assert_int_equal(p.series[0].count, 2);
    char *text = written(write_words, &p);
    assert_string_equal(
        text, "Chart of index by class.  reboot: highest 1 at 0. other: highest 5.5 at 1.");
    free(text);
    tool_tables_free(&tables);
    td_arena_free(&arena);
}

static void histograms_are_of_shares(void **state) {
    (void)state;
    static const char record[] =
        "{\"bars\": [{\"from\": 0, \"to\": 2, \"n\": 1}, {\"from\": 2, \"to\": 4, \"n\": 3}],"
        " \"tables\": [{\"rows\": \"/bars\", \"title\": \"t\", \"columns\": ["
        "  {\"name\": \"from\", \"title\": \"from\", \"kind\": \"real\"},"
        "  {\"name\": \"to\", \"title\": \"to\", \"kind\": \"real\"},"
        "  {\"name\": \"n\", \"title\": \"n\", \"kind\": \"count\"}], \"charts\":"
        " [{\"title\": \"c\", \"kind\": \"histogram\", \"x\": \"from\", \"y\": [\"n\"]}]}]}";
    tool_tables tables = {0};
    td_arena arena = {0};
    plot p = plot_of(record, &tables, &arena);
    assert_true(p.count == 1 && p.bar == 2);
    assert_true(p.series[0].points[0].x == 1 && p.series[0].points[0].y == 25);
    assert_true(p.series[0].points[1].x == 3 && p.series[0].points[1].y == 75);
    tool_tables_free(&tables);
    td_arena_free(&arena);
}

/* The heat maps of the tables that `root` describes. */
static void write_maps(FILE *out, const json_t *root) {
    tool_tables tables = {0};
    td_error error;
    assert_int_equal(tool_tables_read(&tables, root, NULL, NULL, &error), TD_OK);
    for (const tool_table *table = tables.first; table; table = table->next)
        for (const tool_chart *chart = table->kind->charts; chart && chart->title; chart++)
            heat_map_write(out, table, chart, root);
    tool_tables_free(&tables);
}

/* Those of a record. */
static char *maps_of(const char *record) {
    json_t *root = parse(record), *rest = report_derive(root);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    write_maps(out, root);
    write_maps(out, rest);
    fclose(out);
    json_decref(rest);
    json_decref(root);
    return text;
}

static void heat_maps_are_of_squares(void **state) {
    (void)state;
    char *text =
        maps_of("{\"target\": 1, \"pairs\": [{\"c\": \"cat\", \"to\": [3, 1]},"
                " {\"c\": \"<b>\", \"to\": [0, 0]}], \"tables\": [{\"rows\": \"/pairs\","
                " \"title\": \"t\", \"columns\": ["
                "  {\"name\": \"c\", \"title\": \"true\", \"kind\": \"text\"},"
                "  {\"name\": \"to\", \"title\": \"cat\", \"kind\": \"count\", \"list\": true},"
                "  {\"name\": \"to\", \"title\": \"<b>\", \"kind\": \"count\", \"list\": true}],"
                " \"charts\":"
                " [{\"title\": \"m<>\", \"kind\": \"heat\", \"x\": \"c\", \"y\": [\"to\"]}],"
                " \"axes\": {\"x_mark\": \"/target\", \"mark\": \"the target\"}}]}");
    support_assert_contains(text, "<b>m&lt;&gt;</b>");
    support_assert_contains(text, "<th scope=\"col\" class=\"t\">&lt;b&gt;</th>");
    support_assert_contains(text, "; underlined: the target");
    support_assert_contains(text, "<th scope=\"row\">&lt;b&gt;</th><td></td><td></td>");
    support_assert_contains(
        text, "<td class=\"h\" style=\"--v:0.75\">75</td><td style=\"--v:0.25\">25</td>");
    free(text);
    text = maps_of("{\"models\": [{\"pairs<>\": [[3, 1], [0, 0]]}]}");
    support_assert_contains(text, "pairs&lt;&gt;</b>");
    support_assert_contains(
        text, "<td class=\"h\" style=\"--v:0.75\">75</td><td style=\"--v:0.25\">25</td>");
    support_assert_contains(text, "<th scope=\"row\">1</th><td></td><td></td>");
    free(text);
    text =
        maps_of("{\"models\": [{\"file\": \"m\", \"triggers\": [{\"trigger\": \"t\", \"target\": 1,"
                " \"pairs\": [[3, 1], [0, 0]]}]}]}");
    support_assert_contains(text, "<b>m: t: pairs</b>");
    support_assert_contains(text, "<th scope=\"col\" class=\"t\">1</th>");
    free(text);
    static const char *const others[] = {
        "[[1, 2], [3]]", "[[1, \"x\"], [3, 4]]", "[[1]]", "[]", "{\"a\": 1}",
        "[1, 2]",        "[[1, 2], 3]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char record[64];
        snprintf(record, sizeof record, "{\"m\": %s}", others[i]);
        text = maps_of(record);
        assert_string_equal(text, "");
        free(text);
    }
    text = maps_of("{\"m\": [[-1, 1e308], [1e308, 1e308]]}");
    assert_null(strstr(text, "inf"));
    assert_null(strstr(text, "nan"));
    free(text);
}

static void outputs_lead_to_their_records(void **state) {
    (void)state;
    report_record records[2] = {
        {.root = parse("{\"outputs\": [{\"file\": \"a\", \"sha256\": \"11\"}, {\"sha256\": 5}]}")},
        {.root = parse("{\"outputs\": [{\"sha256\": \"00\"}, {\"sha256\": \"11\"}]}")}};
    report r = {.records = records, .record_count = 2, .record_all = 2};
    td_error error;
    assert_int_equal(report_add_outputs(&r, 0, &error), TD_OK);
    assert_int_equal(report_add_outputs(&r, 1, &error), TD_OK);
    assert_ptr_equal(report_maker(&r, "11"), &records[0]);
    assert_ptr_equal(report_maker(&r, "00"), &records[1]);
    assert_null(report_maker(&r, "10"));
    assert_null(report_maker(&r, ""));
    report_free(&r);
    report_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(labels_are_words),
        cmocka_unit_test(all_values_are_shown),
        cmocka_unit_test(rates_have_intervals),
        cmocka_unit_test(records_are_recognised),
        cmocka_unit_test(logs_are_read_line_by_line),
        cmocka_unit_test(scripts_are_of_numbers),
        cmocka_unit_test(any_list_of_objects_is_a_table),
        cmocka_unit_test(described_tables_are_shown_as_they_say),
        cmocka_unit_test(charts_are_described),
        cmocka_unit_test(histograms_are_of_shares),
        cmocka_unit_test(heat_maps_are_of_squares),
        cmocka_unit_test(outputs_lead_to_their_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
