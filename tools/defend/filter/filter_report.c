/* How the result is told: in the record, and on stdout. */
#include "defend/filter/filter.h"

#include <stdio.h>

enum { FIGURES = sizeof((filter_class *)0)->figures / sizeof(double) };

static json_t *class_json(const filter_job *job, const filter_class *group) {
    const char *name = job->data.class_names ? job->data.class_names[group->number] : NULL;
    json_t *entry = json_pack("{sI so* sI sI}", "class", (json_int_t)group->number, "name",
                              name ? tool_json_text(name) : NULL, "images",
                              (json_int_t)group->count, "suspects", (json_int_t)group->suspects);
    if (!job->filter->ranks)
        json_object_set_new(entry, "flagged", json_boolean(group->flagged));
    for (size_t i = 0; i < FIGURES && job->filter->figures[i] && group->count > 0; i++)
        json_object_set_new(entry, job->filter->figures[i], json_real(group->figures[i]));
    if (!job->has_truth)
        return entry;
    json_object_set_new(entry, "poisoned", json_integer((json_int_t)group->poisoned));
    json_object_set_new(entry, "poisoned_suspects", json_integer((json_int_t)group->hits));
    if (group->has_auroc)
        json_object_update_new(entry, json_pack("{sf s[ff]}", "auroc", group->auroc.value,
                                                "auroc_interval", group->auroc.interval.low,
                                                group->auroc.interval.high));
    return entry;
}

/* The numbers of the classes that are flagged. */
static json_t *flagged_json(const filter_job *job) {
    json_t *flagged = json_array();
    for (size_t c = 0; c < job->data.images.classes; c++)
        if (job->classes[c].flagged)
            json_array_append_new(flagged, json_integer((json_int_t)c));
    return flagged;
}

typedef struct measured {
    td_rate precision, recall, false_positives;
} measured;

static measured measure(const filter_job *job) {
    size_t poisoned = 0, hits = 0;
    for (size_t c = 0; c < job->data.images.classes; c++) {
        poisoned += job->classes[c].poisoned;
        hits += job->classes[c].hits;
    }
    return (measured){td_rate_of(hits, job->suspects), td_rate_of(hits, poisoned),
                      td_rate_of(job->suspects - hits, job->data.images.count - poisoned)};
}

td_status filter_record(filter_job *job, td_error *error) {
    json_t *root = job->record.root, *classes = json_array(), *suspects = json_array();
    const td_images *images = &job->data.images;
    for (size_t c = 0; c < images->classes; c++)
        json_array_append_new(classes, class_json(job, &job->classes[c]));
    for (size_t i = 0; i < images->count; i++)
        if (job->suspect[i])
            json_array_append_new(suspects, json_integer((json_int_t)(job->data.first + i)));
    json_t *fields = json_pack("{ss so so sI sI so}", "method", job->options->method, "data",
                               tool_json_text(job->data.name), "layer", tool_json_text(job->layer),
                               "features", (json_int_t)job->features, "images",
                               (json_int_t)images->count, "classes", classes);
    if (!fields || json_object_update_new(root, fields) != 0)
        return td_fail_memory(error, "the record");
    if (job->has_truth) {
        const measured m = measure(job);
        json_t *truth = json_pack("{sI}", "poisoned", (json_int_t)m.recall.trials);
        tool_json_rate(truth, "precision", &m.precision);
        tool_json_rate(truth, "recall", &m.recall);
        tool_json_rate(truth, "false_positive_rate", &m.false_positives);
        json_object_set_new(root, "truth", truth);
    }
    if (!job->filter->ranks)
        json_object_set_new(root, "flagged", flagged_json(job));
    json_object_set_new(root, "suspect_count", json_integer((json_int_t)job->suspects));
    return json_object_set_new(root, "suspects", suspects) == 0
               ? TD_OK
               : td_fail_memory(error, "the record");
}

/* Headings as the figures' names have them: "relative_size". */
static void print_headings(const filter_job *job) {
    printf("  %-22s %7s %8s", "class", "images", "suspects");
    for (size_t i = 0; i < FIGURES && job->filter->figures[i]; i++)
        printf(" %14s", job->filter->figures[i]);
    printf("%s\n", job->has_truth ? "  poisoned     found" : "");
}

static void print_class(const filter_job *job, const filter_class *group) {
    const char *name = job->data.class_names ? job->data.class_names[group->number] : "";
    printf("  %3zu %-18.18s %7zu %8zu", group->number, name, group->count, group->suspects);
    for (size_t i = 0; i < FIGURES && job->filter->figures[i]; i++)
        printf(" %14.4g", group->figures[i]);
    if (job->has_truth)
        printf(" %9zu %9zu", group->poisoned, group->hits);
    printf("%s\n", group->flagged ? "  FLAGGED" : "");
}

static void print_rate(const char *name, const td_rate *rate) {
    printf("  %-15s %6.2f %%  [%.2f, %.2f]  %zu of %zu\n", name, 100 * rate->value,
           100 * rate->interval.low, 100 * rate->interval.high, rate->hits, rate->trials);
}

void filter_print(const filter_job *job) {
    const td_images *images = &job->data.images;
    printf("%s: %s: %zu of %zu images of %s are suspects, by %zu values at %s\n",
           job->options->model, job->options->method, job->suspects, images->count, job->data.name,
           job->features, job->layer);
    print_headings(job);
    for (size_t c = 0; c < images->classes; c++)
        if (job->classes[c].count > 0)
            print_class(job, &job->classes[c]);
    if (job->has_truth) {
        const measured m = measure(job);
        print_rate("precision", &m.precision);
        print_rate("recall", &m.recall);
        print_rate("false positives", &m.false_positives);
    }
    if (job->cleaned.path)
        printf("%s: %zu images\n", job->cleaned.path, images->count - job->suspects);
}
