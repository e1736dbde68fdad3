/* ASR against the strength of a trigger: records of trapdoor-eval --strength. */
#include "report/html.h"
#include "report/plot.h"
#include "report/section.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512, KEY = 6 /* length of "delta=" and of "alpha=" */ };

/* A trigger's text without its strength. */
typedef struct family {
    char text[256];
    plot_point *points; /* [MOST] */
    size_t count;
} family;

static bool shows(report *r, const report_record *record) {
    (void)r;
    const json_t *strengths = json_object_get(json_object_get(record->root, "options"), "strength");
    return json_array_size(strengths) > 0 &&
           json_array_size(json_object_get(record->root, "models")) > 0;
}

/* The strength that stands in a trigger's text; one that has none is laid on in full. */
static double split_strength(const char *trigger, char rest[256], bool *delta) {
    const char *at = strstr(trigger, "delta="), *alpha = strstr(trigger, "alpha=");
    *delta = at != NULL;
    at = at ? at : alpha;
    if (!at) {
        snprintf(rest, 256, "%s", trigger);
        return 1;
    }
    char *end;
    double strength = strtod(at + KEY, &end);
    /* The comma before goes with it, or, behind the family's name, the one after. */
    size_t before = (size_t)(at - trigger);
    if (before > 0 && trigger[before - 1] == ',')
        before--;
    else if (*end == ',')
        end++;
    snprintf(rest, 256, "%.*s%s", (int)(before < 255 ? before : 255), trigger, end);
    return strength;
}

static family *find_family(family *families, size_t *count, const char *text, td_arena *arena) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(families[i].text, text) == 0)
            return &families[i];
    if (*count == PLOT_SERIES ||
        TD_ARENA_NEW(arena, MOST, &families[*count].points, "points", NULL) != TD_OK)
        return NULL;
    snprintf(families[*count].text, sizeof families->text, "%s", text);
    return &families[(*count)++];
}

static plot_point make_point(const json_t *trigger, double strength) {
    const json_t *interval = json_object_get(trigger, "asr_interval");
    const json_t *asr = json_object_get(trigger, "asr");
    return (plot_point){strength, json_is_number(asr) ? 100 * json_number_value(asr) : NAN,
                        100 * json_number_value(json_array_get(interval, 0)),
                        100 * json_number_value(json_array_get(interval, 1))};
}

static int compare(const void *a, const void *b) {
    const plot_point *x = a, *y = b;
    return (x->x > y->x) - (x->x < y->x);
}

static void write_model(report *r, const json_t *model) {
    family families[PLOT_SERIES] = {0};
    size_t count = 0, i;
    bool delta = false;
    td_arena arena = {0};
    const json_t *trigger;
    json_array_foreach(json_object_get(model, "triggers"), i, trigger) {
        char text[256];
        double strength = split_strength(html_get_text(trigger, "trigger"), text, &delta);
        family *own = find_family(families, &count, text, &arena);
        if (own && own->count < MOST)
            own->points[own->count++] = make_point(trigger, strength);
    }
    plot p = plot_make(html_get_text(model, "file"),
                       delta ? "delta (of pixel values 0-255)" : "alpha (share of the trigger)",
                       "ASR (%)", PLOT_LINES);
    p.percent = true;
    for (i = 0; i < count; i++) {
        qsort(families[i].points, families[i].count, sizeof *families[i].points, compare);
        plot_add(&p, families[i].text, families[i].points, families[i].count);
    }
    plot_write(r, &p);
    td_arena_free(&arena);
}

static void write(report *r, const report_record *record) {
    size_t i;
    const json_t *model;
    fputs("<div class=\"charts\">\n", r->out);
    json_array_foreach(json_object_get(record->root, "models"), i, model) write_model(r, model);
    fputs("</div>\n", r->out);
}

const report_section section_strength = {"ASR against strength", shows, write, NULL};
