/* The report: what it escapes, what it takes for a record, and what it makes of gnuplot's drawings.
 */
#include "report/html.h"
#include "report/plot.h"
#include "report/section.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a function of html.h writes. */
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

static void write_json(FILE *out, const void *what) {
    html_json(out, what);
}

static void write_label(FILE *out, const void *what) {
    html_label(out, what);
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

static void assert_json(const char *text, const char *expected) {
    json_t *value = parse(text);
    char *found = written(write_json, value);
    assert_string_equal(found, expected);
    free(found);
    json_decref(value);
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

static void json_is_one_line(void **state) {
    (void)state;
    assert_json("\"<b>\"", "&lt;b&gt;");
    assert_json("[1, 2.5, true, false, null, \"x\"]", "1, 2.5, yes, no, none, x");
    assert_json("{\"a\": {\"b<\": [1, 2]}}", "a b&lt; 1, 2");
    assert_json("[[[[[[[[1]]]]]]]]", "…");
    assert_json("[]", "none");
    assert_json("[0,1,2,3,4,5,6,7,8,9,10,11,12,13]",
                "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (14 in all)");
    assert_json("1e308", "1e+308");
    char *label = written(write_label, "robust_accuracy");
    assert_string_equal(label, "robust accuracy");
    free(label);
    label = written(write_label, "asr");
    assert_string_equal(label, "ASR");
    free(label);
}

static void write_rate(FILE *out, const void *what) {
    html_cell_rate(out, what, "asr");
}

static void assert_rate(const char *object, const char *expected) {
    json_t *value = parse(object);
    char *found = written(write_rate, value);
    assert_string_equal(found, expected);
    free(found);
    json_decref(value);
}

static void rates_have_intervals(void **state) {
    (void)state;
    assert_rate("{\"asr\": 0.75, \"asr_interval\": [0.5, 0.9], \"asr_count\": [3, 4]}",
                "<td class=\"n\" data-v=\"0.75\" title=\"3 of 4\">75.00 % <span "
                "class=\"ci\">[50.00, 90.00]</span></td>");
    assert_rate("{\"asr\": 0.75, \"asr_interval\": [0.5, 0.9]}",
                "<td class=\"n\" data-v=\"0.75\">0.7500 <span class=\"ci\">[0.5000, "
                "0.9000]</span></td>");
    assert_rate("{\"asr\": 1e300, \"asr_interval\": \"x\", \"asr_count\": [1, \"<\"]}",
                "<td class=\"n\" data-v=\"1e+300\">1e+300</td>");
    assert_rate("{\"asr\": \"<script>\"}", "<td class=\"n\">–</td>");
    assert_rate("[]", "<td class=\"n\">–</td>");
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
    plot_script(out, what);
}

/* Nothing of a file's texts, and no number that is none, gets to gnuplot. */
static void scripts_are_of_numbers(void **state) {
    (void)state;
    static const plot_point points[] = {{1, 50, NAN, NAN},
                                        {2, INFINITY, 0, 1},
                                        {NAN, 3, 0, 1},
                                        {3, 1e300, 0, 1},
                                        {4, 60, 55, INFINITY}};
    plot p = plot_make("system('x')", "epoch\"; !x", "`x` ${y} (%)", PLOT_LINES);
    plot_add(&p, "'; !reboot", points, 5);
    plot_add(&p, "nothing to draw", points + 1, 3);
    assert_int_equal(p.count, 1);
    char *script = written(write_script, &p);
    support_assert_contains(script, "set xlabel \"epoch x\"\n");
    support_assert_contains(script, "set ylabel \"x y (%)\"\n");
    support_assert_contains(script, "$d0 << END\n1 50 50 50\n4 60 60 60\nEND\nplot $d0 using");
    assert_null(strstr(script, "reboot"));
    assert_null(strstr(script, "system"));
    assert_null(strstr(script, "yerrorbars"));
    assert_null(strstr(script, "nan"));
    assert_null(strstr(script, "inf"));
    free(script);
}

static char *inlined(const char *svg, bool *good) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    *good = plot_inline(out, svg, strlen(svg), "p7", "a \"label\"");
    fclose(out);
    return text;
}

static void drawings_become_the_page_s(void **state) {
    (void)state;
    bool good;
    char *text = inlined("<?xml version=\"1.0\"?><svg><title>Gnuplot</title><desc>x</desc>"
                         "<g id=\"a\"><title>b</title><use xlink:href='#c' "
                         "color='rgb(  0,   0,   2)'/><g id='c' color=\"black\"></g></g></svg>\n",
                         &good);
    assert_true(good);
    assert_string_equal(text, "<svg class=\"plot\" viewBox=\"0 0 440 280\" width=\"440\" "
                              "height=\"280\" role=\"img\" aria-label=\"a &quot;label&quot;\">"
                              "<g id=\"p7-a\"><use xlink:href='#p7-c' color='var(--s2)'/>"
                              "<g id='p7-c' color=\"currentColor\"></g></g></svg>\n");
    free(text);
    free(inlined("<svg><desc></desc><script>x</script></svg>", &good));
    assert_false(good);
    free(inlined("<svg><desc></desc><image href=\"x\"/></svg>", &good));
    assert_false(good);
    free(inlined("gnuplot: no such terminal", &good));
    assert_false(good);
    free(inlined("<svg><desc></desc><g>", &good));
    assert_false(good);
}

static void write_map(FILE *out, const void *what) {
    section_heat_map(out, "m<>", what, 1);
}

static void heat_maps_are_of_squares(void **state) {
    (void)state;
    json_t *square = parse("[[3, 1], [0, 0]]");
    char *text = written(write_map, square);
    support_assert_contains(text, "<b>m&lt;&gt;</b>");
    support_assert_contains(text, "<th scope=\"col\" class=\"t\">1</th>");
    support_assert_contains(
        text, "<td class=\"h\" style=\"--v:0.75\">75</td><td style=\"--v:0.25\">25</td>");
    support_assert_contains(text, "<th scope=\"row\">1</th><td></td><td></td>");
    free(text);
    json_decref(square);
    static const char *const others[] = {
        "[[1, 2], [3]]", "[[1, \"x\"], [3, 4]]", "[[-1]]", "[]", "{\"a\": 1}", "[1, 2]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        json_t *other = parse(others[i]);
        text = written(write_map, other);
        assert_string_equal(text, "");
        free(text);
        json_decref(other);
    }
}

static void outputs_lead_to_their_records(void **state) {
    (void)state;
    report_record records[2] = {
        {.root = parse("{\"outputs\": [{\"file\": \"a\", \"sha256\": \"11\"}, {\"sha256\": 5}]}")},
        {.root = parse("{\"outputs\": [{\"sha256\": \"00\"}, {\"sha256\": \"11\"}]}")}};
    report r = {.records = records, .record_count = 2};
    td_error error;
    assert_int_equal(report_makers(&r, &error), TD_OK);
    assert_int_equal(r.made_count, 3);
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
        cmocka_unit_test(json_is_one_line),
        cmocka_unit_test(rates_have_intervals),
        cmocka_unit_test(records_are_recognised),
        cmocka_unit_test(logs_are_read_line_by_line),
        cmocka_unit_test(scripts_are_of_numbers),
        cmocka_unit_test(drawings_become_the_page_s),
        cmocka_unit_test(heat_maps_are_of_squares),
        cmocka_unit_test(outputs_lead_to_their_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
