/* What the methods found, in words. */
#include "data/path.h"
#include "defend/audit/audit.h"
#include "defend/detect/detect.h"
#include "defend/filter/outcome.h"
#include "measure/mad.h"
#include <stdarg.h>
#include <string.h>

enum { MOST_GROUPS = 6, FINDING_SIZE = 1024 };

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

/* Appends to a finding. */
static TD_PRINTF(2, 3) void say(char text[FINDING_SIZE], const char *format, ...) {
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, FINDING_SIZE - used, format, arguments);
    va_end(arguments);
}

static void say_class(const audit_job *job, size_t class, char *text) {
    char name[AUDIT_CLASS_SIZE];
    say(text, "%s", audit_class(job, class, name));
}

/* A row of the evidence, whose other fields the caller fills in. */
static td_status add_row(audit_job *job, const audit_step *s, bool flagged, const char *text,
                         audit_evidence **row, td_error *error) {
    static const char *const weights[] = {"sign", "weak sign", "hint"};
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, row, "a finding", error));
    **row = (audit_evidence){.method = s->method->name,
                             .title = s->method->title,
                             .weight = weights[s->found.weight],
                             .flagged = flagged,
                             .class = TOOL_NO_COUNT,
                             .value = NAN,
                             .index = NAN,
                             .other = NAN};
    TD_TRY(tool_run_text(job->run, &(*row)->record, error, "%s/record.json", s->method->name));
    TD_TRY(tool_run_text(job->run, &(*row)->finding, error, "%s", text));
    *job->evidence_end = *row;
    job->evidence_end = &(*row)->next;
    return TD_OK;
}

/* --- inspectors --- */

static bool is_by_class(const findings *found) {
    return found->about == FINDING_CLASS || found->about == FINDING_PAIR;
}

static void set_class(const audit_job *job, const findings *found, const finding *one,
                      audit_evidence *row) {
    if (!is_by_class(found))
        return;
    row->class = one->class;
    row->class_name = name_of(job, one->class);
}

/* What a finding is about. */
static void say_subject(const audit_job *job, const findings *found, const finding *one,
                        char *text) {
    switch (found->about) {
    case FINDING_CLASS:
        say_class(job, one->class, text);
        break;
    case FINDING_PAIR:
        say_class(job, one->class, text);
        say(text, " from ");
        say_class(job, one->source, text);
        break;
    case FINDING_MAP:
        say(text, "the map of classes %.64s", one->map);
        break;
    case FINDING_MODEL:
        say(text, "the model");
        break;
    }
}

/* "; of 12 clean control models it flagged 1 (8.3 %, 95 % interval 1.5 to 35.4)". */
static void say_rate(const char *kind, const td_rate *rate, char *text) {
    if (rate->trials > 0)
        say(text,
            "; of %zu %s control model%s it flagged %zu (%.1f %%, 95 %% interval %.1f to %.1f)",
            rate->trials, kind, rate->trials == 1 ? "" : "s", rate->hits, 100 * rate->value,
            100 * rate->interval.low, 100 * rate->interval.high);
}

static void say_rates(const audit_job *job, const audit_step *s, char *text) {
    const audit_rates *rates = audit_rates_of(job, s);
    if (!rates)
        return;
    say_rate("clean", &rates->false_positives, text);
    say_rate("backdoored", &rates->detected, text);
}

/* Sizes to what matters of them; another statistic as it is. */
static void say_value(const audit_step *s, const findings *found, double value, char *text) {
    const char *unit = found->statistic.unit;
    if (!s->row->unit)
        say(text, "%.4g%s%.64s", value, unit ? " " : "", unit ? unit : "");
    else
        say(text, "%.*f", value < 10 ? 1 : 0, value);
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
static void say_others(const audit_step *s, const findings *found, char *text) {
    const double other = nearest_other(found);
    if (isnan(other))
        return;
    say(text, "; the other%s %s ", found->about == FINDING_CLASS ? " classes" : "s",
        s->row->unit ? "need" : "have");
    say_value(s, found, other, text);
    say(text, " or %s", found->statistic.large ? "less" : "more");
}

/* " (index 5.20; above 2 stands out)", the bracket being `before`; nothing without an index. */
static void say_index(const finding *one, const char *before, char *text) {
    if (!isnan(one->p))
        say(text, "%sp %.3g)", before, one->p);
    else if (isfinite(one->index))
        say(text, "%sindex %.2f; above %g stands out)", before, one->index, TD_ANOMALY_CUTOFF);
    else if (isinf(one->index))
        say(text, "%sthe others are all of one size)", before);
}

/* "images of any class can be made class 3 by changing about 9 of their 784 pixels (it works on
 * 99.0 % of the clean images)". */
static void say_change(const audit_job *job, const audit_step *s, const finding *one, char *text) {
    const audit_row *row = s->row;
    const td_shape shape = td_net_input(&job->model.net);
    say(text, "%s ", row->images);
    say_subject(job, s->step.outcome, one, text);
    say(text, " %s ", row->change);
    say_value(s, s->step.outcome, one->value, text);
    say(text, " of their %zu %s (%s%.1f %% %s)",
        shape.height * shape.width * (row->by_channel ? shape.channels : 1), row->unit,
        row->rated_before, 100 * one->asr.value, row->rated_behind);
}

static void say_outlier(const audit_job *job, const audit_step *s, const finding *one, char *text) {
    const findings *found = s->step.outcome;
    say_subject(job, found, one, text);
    say(text, " stands out by its %s, ", found->statistic.name);
    say_value(s, found, one->value, text);
    if (found->rated)
        say(text, " (%.1f %% of the images go there)", 100 * one->asr.value);
}

/* Of the recovered trigger, which was written as pictures. */
static td_status add_pictures(audit_job *job, const audit_step *s, const finding *one,
                              audit_evidence *row, td_error *error) {
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
            row->picture = picture;
        if (json_array_append_new(job->pictures, tool_json_text(picture)) != 0)
            return td_fail_memory(error, "the record");
    }
    return TD_OK;
}

static td_status report_flagged(audit_job *job, const audit_step *s, const finding *one,
                                td_error *error) {
    const findings *found = s->step.outcome;
    char text[FINDING_SIZE] = "";
    audit_evidence *row;
    if (s->row->images)
        say_change(job, s, one, text);
    else
        say_outlier(job, s, one, text);
    say_others(s, found, text);
    say_index(one, " (", text);
    say_rates(job, s, text);
    TD_TRY(add_row(job, s, true, text, &row, error));
    set_class(job, found, one, row);
    row->value = one->value;
    row->other = nearest_other(found);
    row->index = one->index;
    if (found->rated)
        row->asr = one->asr;
    return add_pictures(job, s, one, row, error);
}

static void say_unflagged(const audit_job *job, const audit_step *s, char *text) {
    const findings *found = s->step.outcome;
    const finding *first = findings_first(found), *most = findings_largest_index(found);
    if (found->unsearched > 0)
        say(text, "of the %zu of %zu classes that were searched, ", found->count,
            found->count + found->unsearched);
    if (!found->judged || !first) {
        say(text, "too few have %s to be compared", s->row->unit ? "a trigger" : "a value");
        return;
    }
    if (s->row->unit)
        say(text, "none takes a much smaller change than the others; the smallest, about ");
    else
        say(text, "none stands out; the %s %s, ", found->statistic.large ? "largest" : "smallest",
            found->statistic.name);
    say_value(s, found, first->value, text);
    say(text, "%s%s, is that of ", s->row->unit ? " " : "", s->row->unit ? s->row->unit : "");
    say_subject(job, found, first, text);
    if (most)
        say_index(most, " (largest ", text);
}

static td_status report_unflagged(audit_job *job, const audit_step *s, td_error *error) {
    const findings *found = s->step.outcome;
    const finding *first = findings_first(found), *most = findings_largest_index(found);
    char text[FINDING_SIZE] = "";
    audit_evidence *row;
    say_unflagged(job, s, text);
    say_rates(job, s, text);
    TD_TRY(add_row(job, s, false, text, &row, error));
    if (first) {
        set_class(job, found, first, row);
        row->value = first->value;
    }
    if (most && isfinite(most->index))
        row->index = most->index;
    return TD_OK;
}

td_status audit_report_inspector(audit_job *job, audit_step *s, td_error *error) {
    const findings *found = s->step.outcome;
    size_t *classes;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->count, &classes, "classes", error));
    for (size_t i = 0; i < found->count; i++) {
        if (!found->list[i].flagged)
            continue;
        if (is_by_class(found))
            classes[s->found.class_count++] = found->list[i].class;
        else
            s->found.other = true;
        TD_TRY(report_flagged(job, s, &found->list[i], error));
    }
    s->found.classes = classes;
    return found->flagged > 0 ? TD_OK : report_unflagged(job, s, error);
}

/* --- detectors --- */

td_status audit_report_detector(audit_job *job, audit_step *s, td_error *error) {
    const detect_outcome *found = s->step.outcome;
    const detect_outcome_set *benign = found->sets;
    for (size_t i = 0; i < found->count; i++) {
        const detect_outcome_set *set = &found->sets[i];
        char text[FINDING_SIZE] = "";
        audit_evidence *row;
        if (!set->suspect)
            continue;
        say(text, "of the %zu inputs of %.200s, %.1f %% %s; of clean images %.1f %% do: %s",
            set->flagged.trials, set->data, 100 * set->flagged.value,
            s->row->flagged ? s->row->flagged : "are flagged", 100 * benign->flagged.value,
            set->above ? "more than chance explains" : "no more than chance explains");
        TD_TRY(add_row(job, s, set->above, text, &row, error));
        row->data = set->data;
        row->share = set->flagged;
        s->found.other |= set->above;
    }
    return TD_OK;
}

/* --- filters --- */

/* "; class 2 (Pullover), 51 of 148, silhouette 0.55". */
static void say_group(const audit_job *job, const filter_outcome_class *class, char *text) {
    say(text, "; ");
    say_class(job, class->number, text);
    say(text, ", %zu of %zu", class->suspects, class->images);
    if (!isnan(class->silhouette))
        say(text, ", silhouette %.2f", class->silhouette);
}

static td_status report_groups(audit_job *job, const audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    char text[FINDING_SIZE] = "in some classes a part of the training images is a group of its "
                              "own, as poisoned images are; clean classes often have one, so that "
                              "this is a hint and no more";
    double *numbers;
    size_t count = 0;
    audit_evidence *row;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->class_count, &numbers, "classes", error));
    for (size_t i = 0; i < found->class_count; i++) {
        if (!found->classes[i].flagged)
            continue;
        if (count < MOST_GROUPS)
            say_group(job, &found->classes[i], text);
        numbers[count++] = (double)found->classes[i].number;
    }
    TD_TRY(add_row(job, s, count > 0,
                   count > 0 ? text
                             : "in no class of the training set is a part of the images a group "
                               "of its own",
                   &row, error));
    row->classes = (tool_list){numbers, count};
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
static td_status report_ranked(audit_job *job, const audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    const audit_step *other = find_grouping(job);
    const filter_outcome *grouped = other ? other->step.outcome : NULL;
    const double first =
        found->images > 0 ? 100 * (double)found->suspect_count / (double)found->images : 0;
    char text[FINDING_SIZE] = "";
    audit_evidence *row;
    if (grouped && grouped->suspect_count > 0) {
        const char *title = other->method->title;
        const bool lower = *title >= 'A' && *title <= 'Z' && title[1] >= 'a';
        say(text,
            "%zu of the %zu images that %c%s suspects are among the %.0f %% that stand out most "
            "in their class (by chance: about %.0f)",
            count_shared(grouped, found), grouped->suspect_count,
            lower ? *title - 'A' + 'a' : *title, title + 1, first,
            first / 100 * (double)grouped->suspect_count);
    } else {
        say(text,
            "ranks the images of every class and flags none by itself: the %.0f %% that stand out "
            "most are in its record",
            first);
    }
    return add_row(job, s, false, text, &row, error);
}

td_status audit_report_filter(audit_job *job, audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    return found->ranks ? report_ranked(job, s, error) : report_groups(job, s, error);
}

/* --- all --- */

/* What says most comes first, which ran last. */
td_status audit_list_evidence(audit_job *job, td_error *error) {
    job->evidence_end = &job->evidence;
    job->pictures = json_array();
    TD_TRY(tool_run_set(job->run, "pictures", job->pictures, error));
    for (size_t i = job->step_count; i-- > 0;)
        if (job->steps[i].step.done)
            TD_TRY(job->steps[i].kind->report(job, &job->steps[i], error));
    return TD_OK;
}
