/* What the records of the methods say, in words. */
#include "defend/audit/audit.h"

#include "data/path.h"
#include "defend/method.h"
#include "measure/mad.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FINDING_SIZE = 1024, MOST_GROUPS = 6 };

const char *audit_class(const audit_job *job, size_t class, char text[AUDIT_CLASS_SIZE]) {
    const char *name = job->clean.class_names && class < job->clean.images.classes
                           ? job->clean.class_names[class]
                           : NULL;
    char number[24];
    snprintf(number, sizeof number, "%zu", class);
    if (name && strcmp(name, number) != 0)
        snprintf(text, AUDIT_CLASS_SIZE, "class %zu (%.64s)", class, name);
    else
        snprintf(text, AUDIT_CLASS_SIZE, "class %zu", class);
    return text;
}

/* --- one finding --- */

static const char *const worths[] = {"sign", "weak sign", "hint"};

/* A new entry of job->evidence, which owns it; NULL when out of memory. */
static json_t *add_entry(audit_job *job, const audit_step *s, bool flagged, const char *finding) {
    json_t *entry = json_pack("{ss ss sb ss so so}", "method", s->row->method->name, "title",
                              s->row->title, "flagged", (int)flagged, "worth",
                              worths[s->row->worth], "finding", tool_json_text(finding), "record",
                              json_sprintf("%s/record.json", s->row->method->name));
    json_array_append_new(job->evidence, entry);
    return entry;
}

static void add_class(const audit_job *job, json_t *entry, size_t class) {
    const char *name = job->clean.class_names && class < job->clean.images.classes
                           ? job->clean.class_names[class]
                           : NULL;
    json_object_set_new(entry, "class", json_integer((json_int_t) class));
    if (name)
        json_object_set_new(entry, "class_name", tool_json_text(name));
}

/* --- inspectors --- */

/* "; of 12 clean control models it flagged 1 (8.3 %, 95 % interval 1.5 to 35.4)". */
static void append_rate(char *finding, const char *kind, const td_rate *rate) {
    const size_t used = strlen(finding);
    if (rate->trials > 0)
        snprintf(finding + used, FINDING_SIZE - used,
                 "; of %zu %s control model%s it flagged %zu (%.1f %%, 95 %% interval %.1f to "
                 "%.1f)",
                 rate->trials, kind, rate->trials == 1 ? "" : "s", rate->hits, 100 * rate->value,
                 100 * rate->interval.low, 100 * rate->interval.high);
}

static void append_rates(const audit_job *job, const audit_step *s, char *finding) {
    const audit_rates *rates = audit_rates_of(job, s);
    if (!rates)
        return;
    append_rate(finding, "clean", &rates->false_positives);
    append_rate(finding, "backdoored", &rates->detected);
}

static void describe_size(double size, char text[32]) {
    if (size < 10)
        snprintf(text, 32, "%.1f", size);
    else
        snprintf(text, 32, "%.0f", size);
}

/* The smallest trigger of the classes that are not flagged; INFINITY if there is none. */
static double smallest_other(const inspected *found) {
    double least = INFINITY;
    for (size_t i = 0; i < found->count; i++)
        if (found->classes[i].found && !found->classes[i].flagged)
            least = fmin(least, found->classes[i].size);
    return least;
}

static void describe_index(double index, char text[64]) {
    if (isfinite(index))
        snprintf(text, 64, "index %.2f; above %g stands out", index, TD_ANOMALY_CUTOFF);
    else
        snprintf(text, 64, "the others are all of one size");
}

/* "; the other classes need 60 or more", where there are such. */
static void describe_others(const inspected *found, char text[96]) {
    char size[32];
    const double least = smallest_other(found);
    describe_size(least, size);
    text[0] = '\0';
    if (isfinite(least))
        snprintf(text, 96, "; the other classes need %s or more", size);
}

static void describe_flagged(const audit_job *job, const audit_step *s,
                             const inspected_class *class, char out[FINDING_SIZE]) {
    const td_shape shape = td_net_input(&job->model.net);
    const size_t pixels = shape.height * shape.width;
    char name[AUDIT_CLASS_SIZE], size[32], index[64], others[96];
    audit_class(job, class->number, name);
    describe_size(class->size, size);
    describe_index(class->index, index);
    describe_others(&s->found, others);
    if (s->row->counts_pixels)
        snprintf(out, FINDING_SIZE,
                 "images of any class can be made %s by changing about %s of their %zu pixels (it "
                 "works on %.1f %% of the clean images)%s (%s)",
                 name, size, pixels, 100 * class->asr.value, others, index);
    else
        snprintf(out, FINDING_SIZE,
                 "images that were made from the model alone become %s by changes that add up to "
                 "%s of their %zu values from black to white (%.1f %% of them do)%s (%s)",
                 name, size, pixels * shape.channels, 100 * class->asr.value, others, index);
}

/* Of the recovered trigger, which was written as pictures. */
static void add_pictures(audit_job *job, const audit_step *s, size_t class, json_t *entry) {
    static const char *const parts[] = {"trigger", "mask", "pattern"};
    json_t *pictures = json_array();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[TD_PATH_SIZE], name[64];
        snprintf(name, sizeof name, "%s-%zu.png", parts[i], class);
        if (!td_path_join(path, s->step.folder, name) || !td_path_exists(path))
            continue;
        json_t *picture = json_sprintf("%s/%s", s->row->method->name, name);
        json_array_append(pictures, picture);
        json_array_append_new(job->pictures, picture);
    }
    json_object_set_new(entry, "pictures", pictures);
}

static void tell_flagged(audit_job *job, const audit_step *s, const inspected_class *class) {
    char finding[FINDING_SIZE];
    describe_flagged(job, s, class, finding);
    append_rates(job, s, finding);
    json_t *entry = add_entry(job, s, true, finding);
    const double other = smallest_other(&s->found);
    add_class(job, entry, class->number);
    json_object_set_new(entry, "size", json_real(class->size));
    json_object_set_new(entry, "smallest_other", isfinite(other) ? json_real(other) : json_null());
    json_object_set_new(entry, "index",
                        isfinite(class->index) ? json_real(class->index) : json_null());
    tool_json_rate(entry, "asr", &class->asr);
    add_pictures(job, s, class->number, entry);
}

/* Which classes, where not all: "of the 6 of 10 classes that were searched ". */
static void describe_searched(const inspected *found, char text[96]) {
    text[0] = '\0';
    if (found->unsearched > 0)
        snprintf(text, 96, "of the %zu of %zu classes that were searched, ", found->count,
                 found->count + found->unsearched);
}

static void tell_unflagged(audit_job *job, const audit_step *s) {
    const inspected_class *most = inspected_largest_index(&s->found);
    const inspected_class *smallest = inspected_smallest(&s->found);
    char finding[FINDING_SIZE], searched[96], name[AUDIT_CLASS_SIZE], size[32], index[64];
    describe_searched(&s->found, searched);
    if (!s->found.judged || !most || !smallest) {
        snprintf(finding, sizeof finding, "%stoo few have a trigger to be compared", searched);
    } else {
        describe_index(most->index, index);
        describe_size(smallest->size, size);
        snprintf(finding, sizeof finding,
                 "%snone takes a much smaller change than the others; the smallest, about %s %s, "
                 "is that of %s (largest %s)",
                 searched, size, s->row->counts_pixels ? "pixels" : "values from black to white",
                 audit_class(job, smallest->number, name), index);
    }
    append_rates(job, s, finding);
    json_t *entry = add_entry(job, s, false, finding);
    if (smallest) {
        add_class(job, entry, smallest->number);
        json_object_set_new(entry, "size", json_real(smallest->size));
    }
    if (most && isfinite(most->index))
        json_object_set_new(entry, "index", json_real(most->index));
}

static td_status read_inspector(audit_job *job, audit_step *s, td_error *error) {
    TD_TRY(inspected_read(s->record, &job->arena, &s->found, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, s->found.count, &s->classes, "classes", error));
    for (size_t i = 0; i < s->found.count; i++)
        if (s->found.classes[i].flagged) {
            s->classes[s->class_count++] = s->found.classes[i].number;
            tell_flagged(job, s, &s->found.classes[i]);
        }
    if (s->class_count == 0)
        tell_unflagged(job, s);
    return TD_OK;
}

/* --- detectors --- */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

/* The share of clean images that was flagged beside the suspects. */
static double benign_share(const json_t *record) {
    size_t i;
    const json_t *file;
    json_array_foreach(json_object_get(record, "files"), i, file) {
        if (strcmp(text_of(file, "kind"), "benign") == 0)
            return number_of(file, "flagged");
    }
    return 0;
}

static void tell_inputs(audit_job *job, audit_step *s, const json_t *file) {
    const bool above = json_is_true(json_object_get(file, "above_expected"));
    const json_t *count = json_object_get(file, "flagged_count");
    char finding[FINDING_SIZE];
    snprintf(finding, sizeof finding,
             "of the %lld inputs of %.200s, %.1f %% %s; of clean images %.1f %% do: %s",
             (long long)json_integer_value(json_array_get(count, 1)), text_of(file, "data"),
             100 * number_of(file, "flagged"), s->row->flagged, 100 * benign_share(s->record),
             above ? "more than chance explains" : "no more than chance explains");
    json_t *entry = add_entry(job, s, above, finding);
    json_object_set(entry, "data", json_object_get(file, "data"));
    json_object_set(entry, "share", json_object_get(file, "flagged"));
    json_object_set(entry, "share_interval", json_object_get(file, "flagged_interval"));
    json_object_set(entry, "share_count", count ? (json_t *)count : json_null());
    s->inputs |= above;
}

static void read_detector(audit_job *job, audit_step *s) {
    size_t i;
    const json_t *file;
    json_array_foreach(json_object_get(s->record, "files"), i, file) {
        if (strcmp(text_of(file, "kind"), "suspect") == 0)
            tell_inputs(job, s, file);
    }
}

/* --- sieves --- */

/* "; class 2 (Pullover), 51 of 148, silhouette 0.55" behind what is there. */
static void append_group(const audit_job *job, const json_t *class, char *finding) {
    const size_t used = strlen(finding);
    char name[AUDIT_CLASS_SIZE];
    snprintf(finding + used, FINDING_SIZE - used, "; %s, %lld of %lld, silhouette %.2f",
             audit_class(job, (size_t)json_integer_value(json_object_get(class, "class")), name),
             (long long)json_integer_value(json_object_get(class, "suspects")),
             (long long)json_integer_value(json_object_get(class, "images")),
             number_of(class, "silhouette"));
}

static void tell_groups(audit_job *job, audit_step *s) {
    const json_t *classes = json_object_get(s->record, "classes"), *class;
    json_t *numbers = json_array();
    char finding[FINDING_SIZE] = "in some classes a part of the training images is a group of its "
                                 "own, as poisoned images are; clean classes often have one, so "
                                 "that this is a hint and no more";
    size_t i;
    json_array_foreach(classes, i, class) {
        if (!json_is_true(json_object_get(class, "flagged")))
            continue;
        if (json_array_size(numbers) < MOST_GROUPS)
            append_group(job, class, finding);
        json_array_append(numbers, json_object_get(class, "class"));
    }
    if (json_array_size(numbers) == 0)
        snprintf(finding, sizeof finding,
                 "in no class of the training set is a part of the images a group of its own");
    json_t *entry = add_entry(job, s, json_array_size(numbers) > 0, finding);
    json_object_set_new(entry, "classes", numbers);
}

/* How many numbers two ascending lists share. */
static size_t count_shared(const json_t *a, const json_t *b) {
    size_t shared = 0;
    for (size_t i = 0, k = 0; i < json_array_size(a) && k < json_array_size(b);) {
        const json_int_t x = json_integer_value(json_array_get(a, i)),
                         y = json_integer_value(json_array_get(b, k));
        shared += x == y;
        i += x <= y;
        k += y <= x;
    }
    return shared;
}

/* Spectral signatures rank the images of every class and flag none: they say something of the
 * groups that activation clustering found. */
static void tell_ranked(audit_job *job, const audit_step *s, const audit_step *clusters) {
    const json_t *ranked = json_object_get(s->record, "suspects");
    const json_t *grouped = clusters->record ? json_object_get(clusters->record, "suspects") : NULL;
    const size_t all = (size_t)json_integer_value(json_object_get(s->record, "images"));
    const size_t count = json_array_size(grouped), shared = count_shared(grouped, ranked);
    const double first = all > 0 ? 100 * (double)json_array_size(ranked) / (double)all : 0;
    char finding[FINDING_SIZE];
    if (count > 0)
        snprintf(finding, sizeof finding,
                 "%zu of the %zu images that activation clustering suspects are among the %.0f %% "
                 "that stand out most in their class (by chance: about %.0f)",
                 shared, count, first, first / 100 * (double)count);
    else
        snprintf(finding, sizeof finding,
                 "ranks the images of every class and flags none by itself: the %.0f %% that stand "
                 "out most are in its record",
                 first);
    (void)add_entry(job, s, false, finding);
}

static void read_sieve(audit_job *job, audit_step *s) {
    if (s->row->method == &defend_spectral)
        tell_ranked(job, s, audit_find_step(job, &defend_activation_clustering));
    else
        tell_groups(job, s);
}

/* --- all --- */

static td_status read_step(audit_job *job, audit_step *s, td_error *error) {
    if (s->row->sight == SIGHT_MODEL)
        return read_inspector(job, s, error);
    (s->row->sight == SIGHT_TRAINING ? read_sieve : read_detector)(job, s);
    return TD_OK;
}

/* What tells most comes first, which ran last. */
td_status audit_read(audit_job *job, td_error *error) {
    for (size_t i = AUDIT_STEPS; i-- > 0;) {
        audit_step *s = &job->steps[i];
        if (!s->step.done)
            continue;
        TD_TRY(step_record(&s->step, &s->record, error));
        td_status status = read_step(job, s, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "%s", s->step.record);
    }
    return TD_OK;
}
