/* What controls tell: a line a model, the counts, and how the index is spread. */
#include "defend/audit/controls.h"
#include "defend/audit/distribution.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_SIZE = 64 };

bool controls_prints(const controls_job *job) {
    const char *json = job->options->common.json;
    return !json || strcmp(json, "-") != 0;
}

/* The infected class of the largest index; NULL if it is unknown or was not searched. */
static const inspected_class *infected_class(const control *model) {
    const inspected_class *best = NULL;
    for (size_t i = 0; i < model->infected_count; i++) {
        const inspected_class *class = inspected_find(&model->found, model->infected[i]);
        if (class && !isnan(class->index) && (!best || class->index > best->index))
            best = class;
    }
    return best;
}

static bool flags_infected(const control *model) {
    for (size_t i = 0; i < model->found.count; i++)
        if (model->found.classes[i].flagged &&
            control_is_infected(model, model->found.classes[i].number))
            return true;
    return false;
}

static bool infected_is_first(const control *model) {
    const inspected_class *smallest = inspected_smallest(&model->found);
    return smallest && control_is_infected(model, smallest->number);
}

/* --- the table --- */

/* "3, 7" in as many bytes as there are; "-" for none. */
static void list_labels(const size_t *labels, size_t count, char text[LIST_SIZE]) {
    size_t used = 0;
    snprintf(text, LIST_SIZE, "-");
    for (size_t i = 0; i < count && used < LIST_SIZE - 1; i++) {
        const int length =
            snprintf(text + used, LIST_SIZE - used, "%s%zu", i > 0 ? "," : "", labels[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

static void list_flagged(const inspected *found, char text[LIST_SIZE]) {
    size_t labels[LIST_SIZE], count = 0;
    for (size_t i = 0; i < found->count && count < LIST_SIZE; i++)
        if (found->classes[i].flagged)
            labels[count++] = found->classes[i].number;
    list_labels(labels, count, text);
}

static int name_width(const controls_job *job) {
    size_t width = sizeof "model" - 1;
    for (size_t i = 0; i < job->count; i++)
        if (strlen(job->models[i].name) > width)
            width = strlen(job->models[i].name);
    return width < LIST_SIZE ? (int)width : LIST_SIZE;
}

void controls_print_head(const controls_job *job) {
    size_t backdoored = 0;
    for (size_t i = 0; i < job->count; i++)
        backdoored += job->models[i].backdoored;
    printf("%s: %s on %zu clean and %zu backdoored models\n", job->options->models,
           job->options->inspector->name, job->count - backdoored, backdoored);
    printf("  %-*s  %-10s  %-10s  %-16s  %s\n", name_width(job), "model", "infected", "flagged",
           "largest index", "index of infected");
}

static const char *outcome(const control *model) {
    if (!model->found.judged)
        return "no verdict";
    if (!model->backdoored)
        return model->found.flagged > 0 ? "FALSE POSITIVE" : "";
    if (model->found.flagged == 0)
        return "MISSED";
    return model->infected_count > 0 && !flags_infected(model) ? "ANOTHER CLASS" : "found";
}

void controls_print_model(const controls_job *job, const control *model) {
    char infected[LIST_SIZE], flagged[LIST_SIZE], largest[LIST_SIZE] = "-", own[LIST_SIZE] = "";
    char row[5 * LIST_SIZE];
    printf("  %-*s  ", name_width(job), model->name);
    if (model->failed) {
        printf("failed: %s\n", model->failed);
        return;
    }
    const inspected_class *most = inspected_largest_index(&model->found);
    const inspected_class *wanted = infected_class(model);
    list_labels(model->infected, model->infected_count, infected);
    list_flagged(&model->found, flagged);
    if (most)
        snprintf(largest, sizeof largest, "%6.2f class %zu", most->index, most->number);
    if (wanted)
        snprintf(own, sizeof own, "%6.2f", wanted->index);
    snprintf(row, sizeof row, "%-10s  %-10s  %-16s  %-6s  %s",
             model->backdoored ? infected : "clean", flagged, largest, own, outcome(model));
    for (size_t end = strlen(row); end > 0 && row[end - 1] == ' '; end--)
        row[end - 1] = '\0';
    puts(row);
    fflush(stdout);
}

/* --- the counts --- */

typedef struct counted {
    const char *key, *words;
    bool (*of)(const control *model);   /* whether the model is counted */
    bool (*hits)(const control *model); /* whether it has it */
} counted;

static bool is_clean(const control *model) {
    return !model->backdoored;
}

static bool is_backdoored(const control *model) {
    return model->backdoored;
}

static bool has_label(const control *model) {
    return model->infected_count > 0;
}

static bool has_flag(const control *model) {
    return model->found.flagged > 0;
}

static bool has_wrong(const control *model) {
    return control_count_wrong(model) > 0;
}

static const counted counts[] = {
    {"detected", "backdoored models that are flagged", is_backdoored, has_flag},
    {"false_positives", "clean models that are flagged", is_clean, has_flag},
    {"infected_flagged", "... whose infected class is flagged", has_label, flags_infected},
    {"infected_first", "... whose infected class has the smallest trigger", has_label,
     infected_is_first},
    {"wrong_flagged", "... that have a wrong class flagged besides", has_label, has_wrong},
};

static td_rate count_models(const controls_job *job, const counted *what) {
    size_t hits = 0, trials = 0;
    for (size_t i = 0; i < job->count; i++) {
        const control *model = &job->models[i];
        if (model->failed || !what->of(model))
            continue;
        trials++;
        hits += what->hits(model);
    }
    return td_rate_of(hits, trials);
}

static void tell_counts(controls_job *job) {
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const td_rate rate = count_models(job, &counts[i]);
        if (rate.trials == 0)
            continue;
        tool_json_rate(job->record.root, counts[i].key, &rate);
        if (controls_prints(job))
            printf("  %-52s %6.2f %%  [%.2f, %.2f]  %zu of %zu\n", counts[i].words,
                   100 * rate.value, 100 * rate.interval.low, 100 * rate.interval.high, rate.hits,
                   rate.trials);
    }
}

/* --- the index --- */

static size_t gather(const controls_job *job, bool backdoored, double *values) {
    size_t count = 0;
    for (size_t i = 0; i < job->count; i++) {
        const control *model = &job->models[i];
        if (model->failed || model->backdoored != backdoored)
            continue;
        const inspected_class *most = inspected_largest_index(&model->found);
        if (!backdoored && most)
            values[count++] = most->index;
        for (size_t k = 0; k < model->infected_count; k++) {
            const inspected_class *own = inspected_find(&model->found, model->infected[k]);
            if (own && !isnan(own->index))
                values[count++] = own->index;
        }
    }
    return count;
}

static td_status tell_index(controls_job *job, td_error *error) {
    static const char *const keys[] = {"clean", "infected"};
    static const char *const words[] = {"largest index, clean models", "index of infected classes"};
    json_t *index = json_object();
    size_t most = job->count;
    double *values;
    for (size_t i = 0; i < job->count; i++)
        most += job->models[i].infected_count;
    TD_TRY(TD_ARENA_NEW(&job->arena, most, &values, "indices", error));
    for (size_t i = 0; i < 2; i++) {
        const distribution of = distribution_of(values, gather(job, i == 1, values));
        json_object_set_new(index, keys[i], distribution_json(&of, values));
        if (controls_prints(job))
            distribution_print(words[i], &of);
    }
    return json_object_set_new(job->record.root, "index", index) == 0
               ? TD_OK
               : td_fail_memory(error, "the record");
}

/* --- the record --- */

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static void add_found(json_t *entry, const control *model) {
    const inspected_class *most = inspected_largest_index(&model->found);
    const inspected_class *smallest = inspected_smallest(&model->found);
    const inspected_class *own = infected_class(model);
    json_t *flagged = json_array();
    for (size_t i = 0; i < model->found.count; i++)
        if (model->found.classes[i].flagged)
            json_array_append_new(flagged,
                                  json_integer((json_int_t)model->found.classes[i].number));
    json_object_set_new(entry, "record", json_sprintf("%s/record.json", model->name));
    json_object_set_new(entry, "verdict_given", json_boolean(model->found.judged));
    json_object_set_new(entry, "flagged", flagged);
    json_object_set_new(entry, "largest_index", most ? number(most->index) : json_null());
    json_object_set_new(entry, "largest_class",
                        most ? json_integer((json_int_t)most->number) : json_null());
    json_object_set_new(entry, "smallest_class",
                        smallest ? json_integer((json_int_t)smallest->number) : json_null());
    if (model->infected_count == 0)
        return;
    json_object_set_new(entry, "infected_index", own ? number(own->index) : json_null());
    json_object_set_new(entry, "infected_flagged", json_boolean(flags_infected(model)));
    json_object_set_new(entry, "infected_first", json_boolean(infected_is_first(model)));
    json_object_set_new(entry, "wrong_flagged",
                        json_integer((json_int_t)control_count_wrong(model)));
}

static json_t *model_json(const control *model) {
    json_t *entry = json_pack("{so ss}", "name", tool_json_text(model->name), "truth",
                              model->backdoored ? "backdoored" : "clean");
    if (model->backdoored) {
        json_t *infected = json_array();
        for (size_t i = 0; i < model->infected_count; i++)
            json_array_append_new(infected, json_integer((json_int_t)model->infected[i]));
        json_object_set_new(entry, "infected", infected);
    }
    if (model->failed)
        json_object_set_new(entry, "failed", tool_json_text(model->failed));
    else
        add_found(entry, model);
    return entry;
}

/* What the inspector was asked, but for the model: audit compares its own request with it. */
static json_t *request_json(const control *model) {
    json_t *request = json_deep_copy(json_object_get(model->step.identity, "options"));
    json_object_del(request, "model");
    return request;
}

td_status controls_tell(controls_job *job, td_error *error) {
    json_t *root = job->record.root, *models = json_array();
    size_t failed = 0, unjudged = 0;
    for (size_t i = 0; i < job->count; i++) {
        const control *model = &job->models[i];
        failed += model->failed != NULL;
        unjudged += !model->failed && !model->found.judged;
        json_array_append_new(models, model_json(model));
    }
    json_object_set_new(root, "method", json_string("controls"));
    json_object_set_new(root, "inspector", json_string(job->options->inspector->name));
    json_object_set_new(root, "inspector_options", request_json(&job->models[0]));
    json_object_set_new(root, "failed", json_integer((json_int_t)failed));
    json_object_set_new(root, "without_verdict", json_integer((json_int_t)unjudged));
    json_object_set_new(root, "control_models", models);
    tell_counts(job);
    TD_TRY(tell_index(job, error));
    if (controls_prints(job) && unjudged > 0)
        printf("  %zu models have too few triggers for a verdict, and count as not flagged\n",
               unjudged);
    if (controls_prints(job) && failed > 0)
        printf("  %zu of %zu models failed, and are not counted\n", failed, job->count);
    return TD_OK;
}
