/* What the methods found, in words. */
#include "data/path.h"
#include "defend/audit/audit.h"
#include "defend/detect/detect.h"
#include "defend/filter/outcome.h"
#include "measure/mad.h"
#include <string.h>

enum { MOST_GROUPS = 6, PART_SIZE = 128 };

/* The name of a class, where it is more than its number. */
static const char *name_of(const audit_job *job, size_t class) {
    return job->clean.class_names && class < job->clean.images.classes
               ? job->clean.class_names[class]
               : NULL;
}

const char *audit_class(const audit_job *job, size_t class, char text[AUDIT_CLASS_SIZE]) {
    const char *name = name_of(job, class);
    char number[24];
    snprintf(number, sizeof number, "%zu", class);
    if (name && strcmp(name, number) != 0)
        snprintf(text, AUDIT_CLASS_SIZE, "class %zu (%.64s)", class, name);
    else
        snprintf(text, AUDIT_CLASS_SIZE, "class %zu", class);
    return text;
}

/* --- one finding --- */

/* A row of the evidence, whose other cells the caller fills in. */
static td_status add_row(audit_job *job, const audit_step *s, bool flagged, const char *text,
                         tool_cell **row, td_error *error) {
    static const char *const weights[] = {"sign", "weak sign", "hint"};
    const char *record;
    TD_TRY(tool_run_text(job->run, &record, error, "%s/record.json", s->method->name));
    TD_TRY(tool_run_row(job->run, job->evidence, row, error));
    tool_cell_word(&(*row)[AUDIT_METHOD], s->method->name);
    tool_cell_word(&(*row)[AUDIT_TITLE], s->method->title);
    tool_cell_flag(&(*row)[AUDIT_FLAGGED], flagged);
    tool_cell_word(&(*row)[AUDIT_WEIGHT], weights[s->weight]);
    tool_cell_word(&(*row)[AUDIT_RECORD], record);
    return tool_run_cell(job->run, &(*row)[AUDIT_FINDING], text, error);
}

static td_status fill_class(audit_job *job, size_t class, tool_cell *row, td_error *error) {
    tool_cell_count(&row[AUDIT_CLASS], class);
    return tool_run_cell(job->run, &row[AUDIT_CLASS_NAME], name_of(job, class), error);
}

/* --- inspectors --- */

static bool is_by_class(const findings *found) {
    return found->about == FINDING_CLASS || found->about == FINDING_PAIR;
}

/* What a finding is about. */
static void describe_subject(const audit_job *job, const findings *found, const finding *one,
                             char text[2 * AUDIT_CLASS_SIZE + PART_SIZE]) {
    const size_t size = 2 * AUDIT_CLASS_SIZE + PART_SIZE;
    char class[AUDIT_CLASS_SIZE], source[AUDIT_CLASS_SIZE];
    switch (found->about) {
    case FINDING_CLASS:
        snprintf(text, size, "%s", audit_class(job, one->class, class));
        break;
    case FINDING_PAIR:
        snprintf(text, size, "%s from %s", audit_class(job, one->class, class),
                 audit_class(job, one->source, source));
        break;
    case FINDING_MAP:
        snprintf(text, size, "the map of classes %.64s", one->map);
        break;
    case FINDING_MODEL:
        snprintf(text, size, "the model");
        break;
    }
}

/* "; of 12 clean control models it flagged 1 (8.3 %, 95 % interval 1.5 to 35.4)". */
static void append_rate(char *text, const char *kind, const td_rate *rate) {
    const size_t used = strlen(text);
    if (rate->trials > 0)
        snprintf(text + used, AUDIT_FINDING_SIZE - used,
                 "; of %zu %s control model%s it flagged %zu (%.1f %%, 95 %% interval %.1f to "
                 "%.1f)",
                 rate->trials, kind, rate->trials == 1 ? "" : "s", rate->hits, 100 * rate->value,
                 100 * rate->interval.low, 100 * rate->interval.high);
}

static void append_rates(const audit_job *job, const audit_step *s, char *text) {
    const audit_rates *rates = audit_rates_of(job, s);
    if (!rates)
        return;
    append_rate(text, "clean", &rates->false_positives);
    append_rate(text, "backdoored", &rates->detected);
}

/* Sizes to what matters of them; another statistic as it is. */
static void describe_value(const audit_step *s, const findings *found, double value,
                           char text[PART_SIZE]) {
    const char *unit = found->statistic.unit;
    if (!s->row->unit)
        snprintf(text, PART_SIZE, "%.4g%s%.64s", value, unit ? " " : "", unit ? unit : "");
    else if (value < 10)
        snprintf(text, PART_SIZE, "%.1f", value);
    else
        snprintf(text, PART_SIZE, "%.0f", value);
}

/* The most suspicious value of those that are not flagged; NAN if there is none. */
static double nearest_other(const findings *found) {
    double best = NAN;
    for (size_t i = 0; i < found->count; i++) {
        const finding *one = &found->list[i];
        if (one->found && !one->flagged)
            best = found->statistic.large ? fmax(best, one->value) : fmin(best, one->value);
    }
    return best;
}

/* "; the other classes need 60 or more", where there are such. */
static void describe_others(const audit_step *s, const findings *found, char text[2 * PART_SIZE]) {
    const double other = nearest_other(found);
    char value[PART_SIZE];
    text[0] = '\0';
    if (isnan(other))
        return;
    describe_value(s, found, other, value);
    snprintf(text, 2 * PART_SIZE, "; the other%s %s %s or %s",
             found->about == FINDING_CLASS ? " classes" : "s", s->row->unit ? "need" : "have",
             value, found->statistic.large ? "less" : "more");
}

/* " (index 5.20; above 2 stands out)", the bracket being `before`; "" without an index. */
static void describe_index(const finding *one, const char *before, char text[PART_SIZE]) {
    text[0] = '\0';
    if (!isnan(one->p))
        snprintf(text, PART_SIZE, "%sp %.3g)", before, one->p);
    else if (isfinite(one->index))
        snprintf(text, PART_SIZE, "%sindex %.2f; above %g stands out)", before, one->index,
                 TD_ANOMALY_CUTOFF);
    else if (isinf(one->index))
        snprintf(text, PART_SIZE, "%sthe others are all of one size)", before);
}

static void describe_any(const findings *found, const audit_words *w,
                         char out[AUDIT_FINDING_SIZE]) {
    char rate[PART_SIZE] = "";
    if (found->rated)
        snprintf(rate, sizeof rate, " (%.1f %% of the images go there)", w->asr);
    snprintf(out, AUDIT_FINDING_SIZE, "%s stands out by its %s, %s%s%s%s", w->subject,
             found->statistic.name, w->value, rate, w->others, w->index);
}

static void describe_flagged(const audit_job *job, const audit_step *s, const finding *one,
                             char out[AUDIT_FINDING_SIZE]) {
    const findings *found = s->step.outcome;
    const td_shape shape = td_net_input(&job->model.net);
    char subject[2 * AUDIT_CLASS_SIZE + PART_SIZE], value[PART_SIZE], others[2 * PART_SIZE],
        index[PART_SIZE];
    const audit_words words = {.subject = subject,
                               .value = value,
                               .others = others,
                               .index = index,
                               .asr = 100 * one->asr.value,
                               .pixels = shape.height * shape.width,
                               .values = shape.height * shape.width * shape.channels};
    describe_subject(job, found, one, subject);
    describe_value(s, found, one->value, value);
    describe_others(s, found, others);
    describe_index(one, " (", index);
    if (s->row->describe)
        s->row->describe(&words, out);
    else
        describe_any(found, &words, out);
}

/* Of the recovered trigger, which was written as pictures. */
static td_status add_pictures(audit_job *job, const audit_step *s, const finding *one,
                              tool_cell *row, td_error *error) {
    static const char *const parts[] = {"trigger", "mask", "pattern"};
    const findings *found = s->step.outcome;
    char source[24] = "";
    if (found->about == FINDING_PAIR)
        snprintf(source, sizeof source, "%zu-", one->source);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && is_by_class(found); i++) {
        char path[TD_PATH_SIZE];
        const char *picture;
        TD_TRY(tool_run_text(job->run, &picture, error, "%s/%s-%s%zu.png", s->method->name,
                             parts[i], source, one->class));
        if (!td_path_join(path, job->run->common->output, picture) || !td_path_exists(path))
            continue;
        if (i == 0)
            tool_cell_word(&row[AUDIT_PICTURE], picture);
        if (json_array_append_new(job->pictures, tool_json_text(picture)) != 0)
            return td_fail_memory(error, "the record");
    }
    return TD_OK;
}

static td_status tell_flagged(audit_job *job, const audit_step *s, const finding *one,
                              td_error *error) {
    const findings *found = s->step.outcome;
    char text[AUDIT_FINDING_SIZE];
    tool_cell *row;
    describe_flagged(job, s, one, text);
    append_rates(job, s, text);
    TD_TRY(add_row(job, s, true, text, &row, error));
    if (is_by_class(found))
        TD_TRY(fill_class(job, one->class, row, error));
    tool_cell_real(&row[AUDIT_VALUE], one->value);
    tool_cell_real(&row[AUDIT_OTHER], nearest_other(found));
    tool_cell_real(&row[AUDIT_INDEX], one->index);
    if (found->rated)
        tool_cell_rate(&row[AUDIT_ASR], one->asr);
    return add_pictures(job, s, one, row, error);
}

static void describe_unflagged(const audit_job *job, const audit_step *s,
                               char out[AUDIT_FINDING_SIZE]) {
    const findings *found = s->step.outcome;
    const finding *first = findings_first(found), *most = findings_largest_index(found);
    char searched[PART_SIZE] = "", subject[2 * AUDIT_CLASS_SIZE + PART_SIZE], value[PART_SIZE],
         largest[PART_SIZE] = "";
    if (found->unsearched > 0)
        snprintf(searched, sizeof searched, "of the %zu of %zu classes that were searched, ",
                 found->count, found->count + found->unsearched);
    if (!found->judged || !first) {
        snprintf(out, AUDIT_FINDING_SIZE, "%stoo few have %s to be compared", searched,
                 s->row->unit ? "a trigger" : "a value");
        return;
    }
    describe_subject(job, found, first, subject);
    describe_value(s, found, first->value, value);
    if (most)
        describe_index(most, " (largest ", largest);
    if (s->row->unit)
        snprintf(out, AUDIT_FINDING_SIZE,
                 "%snone takes a much smaller change than the others; the smallest, about %s %s, "
                 "is that of %s%s",
                 searched, value, s->row->unit, subject, largest);
    else
        snprintf(out, AUDIT_FINDING_SIZE, "%snone stands out; the %s %s, %s, is that of %s%s",
                 searched, found->statistic.large ? "largest" : "smallest", found->statistic.name,
                 value, subject, largest);
}

static td_status tell_unflagged(audit_job *job, const audit_step *s, td_error *error) {
    const findings *found = s->step.outcome;
    const finding *first = findings_first(found), *most = findings_largest_index(found);
    char text[AUDIT_FINDING_SIZE];
    tool_cell *row;
    describe_unflagged(job, s, text);
    append_rates(job, s, text);
    TD_TRY(add_row(job, s, false, text, &row, error));
    if (first && is_by_class(found))
        TD_TRY(fill_class(job, first->class, row, error));
    if (first)
        tool_cell_real(&row[AUDIT_VALUE], first->value);
    if (most && isfinite(most->index))
        tool_cell_real(&row[AUDIT_INDEX], most->index);
    return TD_OK;
}

td_status audit_tell_inspector(audit_job *job, audit_step *s, td_error *error) {
    const findings *found = s->step.outcome;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->count, &s->classes, "classes", error));
    for (size_t i = 0; i < found->count; i++) {
        if (!found->list[i].flagged)
            continue;
        if (is_by_class(found))
            s->classes[s->class_count++] = found->list[i].class;
        else
            s->other = true;
        TD_TRY(tell_flagged(job, s, &found->list[i], error));
    }
    return found->flagged > 0 ? TD_OK : tell_unflagged(job, s, error);
}

/* --- detectors --- */

td_status audit_tell_detector(audit_job *job, audit_step *s, td_error *error) {
    const detect_outcome *found = s->step.outcome;
    const detect_outcome_set *benign = found->sets;
    for (size_t i = 0; i < found->count; i++) {
        const detect_outcome_set *set = &found->sets[i];
        char text[AUDIT_FINDING_SIZE];
        tool_cell *row;
        if (!set->suspect)
            continue;
        snprintf(text, sizeof text,
                 "of the %zu inputs of %.200s, %.1f %% %s; of clean images %.1f %% do: %s",
                 set->flagged.trials, set->data, 100 * set->flagged.value,
                 s->row->flagged ? s->row->flagged : "are flagged", 100 * benign->flagged.value,
                 set->above ? "more than chance explains" : "no more than chance explains");
        TD_TRY(add_row(job, s, set->above, text, &row, error));
        tool_cell_word(&row[AUDIT_DATA], set->data);
        tool_cell_rate(&row[AUDIT_SHARE], set->flagged);
        s->other |= set->above;
    }
    return TD_OK;
}

/* --- filters --- */

/* "; class 2 (Pullover), 51 of 148, silhouette 0.55" behind what is there. */
static void append_group(const audit_job *job, const filter_outcome_class *class, char *text) {
    const size_t used = strlen(text);
    char name[AUDIT_CLASS_SIZE], silhouette[PART_SIZE] = "";
    if (!isnan(class->silhouette))
        snprintf(silhouette, sizeof silhouette, ", silhouette %.2f", class->silhouette);
    snprintf(text + used, AUDIT_FINDING_SIZE - used, "; %s, %zu of %zu%s",
             audit_class(job, class->number, name), class->suspects, class->images, silhouette);
}

static td_status tell_groups(audit_job *job, const audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    char text[AUDIT_FINDING_SIZE] = "in some classes a part of the training images is a group of "
                                    "its own, as poisoned images are; clean classes often have "
                                    "one, so that this is a hint and no more";
    double *numbers;
    size_t count = 0;
    tool_cell *row;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->class_count, &numbers, "classes", error));
    for (size_t i = 0; i < found->class_count; i++) {
        if (!found->classes[i].flagged)
            continue;
        if (count < MOST_GROUPS)
            append_group(job, &found->classes[i], text);
        numbers[count++] = (double)found->classes[i].number;
    }
    if (count == 0)
        snprintf(text, sizeof text,
                 "in no class of the training set is a part of the images a group of its own");
    TD_TRY(add_row(job, s, count > 0, text, &row, error));
    tool_cell_list(&row[AUDIT_CLASSES], numbers, count);
    return TD_OK;
}

/* How many numbers two ascending lists share. */
static size_t count_shared(const filter_outcome *a, const filter_outcome *b) {
    size_t shared = 0;
    for (size_t i = 0, k = 0; i < a->suspect_count && k < b->suspect_count;) {
        const size_t x = a->suspects[i], y = b->suspects[k];
        shared += x == y;
        i += x <= y;
        k += y <= x;
    }
    return shared;
}

/* The first filter that flags classes and is done. */
static const audit_step *find_grouping(const audit_job *job) {
    for (size_t i = 0; i < job->step_count; i++) {
        const audit_step *s = &job->steps[i];
        if (s->kind->source == SOURCE_TRAINING && s->step.done &&
            !((const filter_outcome *)s->step.outcome)->ranks)
            return s;
    }
    return NULL;
}

/* A filter that ranks the images of every class says something of the groups that another found. */
static td_status tell_ranked(audit_job *job, const audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    const audit_step *other = find_grouping(job);
    const filter_outcome *grouped = other ? other->step.outcome : NULL;
    const double first =
        found->images > 0 ? 100 * (double)found->suspect_count / (double)found->images : 0;
    char text[AUDIT_FINDING_SIZE], name[PART_SIZE];
    tool_cell *row;
    if (grouped && grouped->suspect_count > 0) {
        snprintf(name, sizeof name, "%s", other->method->title);
        *name = (char)(*name >= 'A' && *name <= 'Z' && name[1] >= 'a' ? *name - 'A' + 'a' : *name);
        snprintf(text, sizeof text,
                 "%zu of the %zu images that %s suspects are among the %.0f %% that stand out most "
                 "in their class (by chance: about %.0f)",
                 count_shared(grouped, found), grouped->suspect_count, name, first,
                 first / 100 * (double)grouped->suspect_count);
    } else {
        snprintf(text, sizeof text,
                 "ranks the images of every class and flags none by itself: the %.0f %% that stand "
                 "out most are in its record",
                 first);
    }
    return add_row(job, s, false, text, &row, error);
}

td_status audit_tell_filter(audit_job *job, audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    return found->ranks ? tell_ranked(job, s, error) : tell_groups(job, s, error);
}

/* --- all --- */

/* What says most comes first, which ran last. */
td_status audit_list_evidence(audit_job *job, td_error *error) {
    job->pictures = json_array();
    TD_TRY(tool_run_set(job->run, "pictures", job->pictures, error));
    for (size_t i = job->step_count; i-- > 0;)
        if (job->steps[i].step.done)
            TD_TRY(job->steps[i].kind->tell(job, &job->steps[i], error));
    return TD_OK;
}
