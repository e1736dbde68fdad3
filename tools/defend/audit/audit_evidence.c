/* SPDX-License-Identifier: MIT */
/* Describes the findings of the methods in words. */
#include "data/path.h"
#include "defend/audit/audit.h"
#include "defend/detect/detect.h"
#include "defend/filter/filter.h"
#include "measure/mad.h"
#include <stdarg.h>
#include <string.h>

enum { MOST_GROUPS = 6 };

/* The name of a class, unless it is just its number. */
static const char *name_of(const audit_job *job, size_t class) {
    const td_classes *classes = &job->run->classes;
    return classes->names && class < classes->count ? classes->names[class] : NULL;
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

/* Adds a row to the evidence; the caller fills in the finding and other fields. */
static td_status add_row(audit_job *job, const audit_step *s, bool flagged, audit_evidence **out,
                         td_error *error) {
    static const char *const weights[] = {"sign", "weak sign", "hint"};
    audit_evidence *row;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &row, "a finding", error));
    *row = (audit_evidence){.job = job,
                            .step = s,
                            .method = s->method->name,
                            .title = s->method->title,
                            .finding = row->text,
                            .weight = weights[s->found.weight],
                            .flagged = flagged,
                            .class = TOOL_NO_COUNT,
                            .value = NAN,
                            .p = NAN,
                            .index = NAN,
                            .other = NAN};
    *job->evidence_end = *out = row;
    job->evidence_end = &row->next;
    return tool_run_text(job->run, &row->record, error, "%s/record.json", s->method->name);
}

/* Appends to the finding's text. */
static TD_PRINTF(2, 3) void say(audit_evidence *row, const char *format, ...) {
    const size_t used = strlen(row->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(row->text + used, sizeof row->text - used, format, arguments);
    va_end(arguments);
}

static void say_class(audit_evidence *row, size_t class) {
    char name[AUDIT_CLASS_SIZE];
    say(row, "%s", audit_class(row->job, class, name));
}

/* --- inspectors --- */

static bool is_by_class(const findings *found) {
    return found->about == FINDING_CLASS || found->about == FINDING_PAIR;
}

/* Describes the subject of a finding. */
static void say_subject(audit_evidence *row, const finding *one) {
    const findings *found = row->step->step.outcome;
    if (is_by_class(found))
        say_class(row, one->class);
    if (found->about == FINDING_PAIR) {
        say(row, " from ");
        say_class(row, one->source);
    }
    if (found->about == FINDING_MAP)
        say(row, "the map of classes %.64s", one->map);
    if (found->about == FINDING_MODEL)
        say(row, "the model");
}

/* "; of 12 clean control models it flagged 1 (8.3 %, 95 % interval 1.5 to 35.4)". */
static void say_rate(audit_evidence *row, const char *kind, const td_rate *rate) {
    if (rate->trials > 0)
        say(row,
            "; of %zu %s control model%s it flagged %zu (%.1f %%, 95 %% interval %.1f to %.1f)",
            rate->trials, kind, rate->trials == 1 ? "" : "s", rate->hits, 100 * rate->value,
            100 * rate->interval.low, 100 * rate->interval.high);
}

/* Prints sizes rounded sensibly; other statistics unchanged. */
static void say_value(audit_evidence *row, double value) {
    const findings *found = row->step->step.outcome;
    const char *unit = found->statistic.unit;
    if (row->step->row->unit)
        say(row, "%.*f", value < 10 ? 1 : 0, value);
    else
        say(row, "%.4g%s%.64s", value, unit ? " " : "", unit ? unit : "");
}

/* The most suspicious value that is not flagged; NAN if there is none. */
static double nearest_other(const findings *found) {
    double best = NAN;
    for (size_t i = 0; i < found->count; i++) {
        const finding *one = &found->list[i];
        if (one->found && !one->flagged)
            best = found->statistic.large ? fmax(best, one->value) : fmin(best, one->value);
    }
    return best;
}

/* " (index 5.20; above 2 stands out)", beginning with `before`; nothing without an index. */
static void say_index(audit_evidence *row, const finding *one, const char *before) {
    if (!isnan(one->p))
        say(row, "%sp %.3g)", before, one->p);
    else if (isfinite(one->index))
        say(row, "%sindex %.2f; above %g stands out)", before, one->index, TD_ANOMALY_CUTOFF);
    else if (isinf(one->index))
        say(row, "%sthe others are all of one size)", before);
}

/* "images of any class can be made class 3 by changing about 9 of their 784 pixels (it works on
 * 99.0 % of the clean images)". */
static void say_change(audit_evidence *row, const finding *one) {
    const audit_row *words = row->step->row;
    const td_shape shape = td_net_input(&row->job->model.net);
    say(row, "%s ", words->images);
    say_subject(row, one);
    say(row, " %s ", words->change);
    say_value(row, one->value);
    say(row, " of their %zu %s (%s%.1f %% %s)",
        shape.height * shape.width * (words->by_channel ? shape.channels : 1), words->unit,
        words->rated_before, 100 * one->asr.value, words->rated_behind);
}

static void say_outlier(audit_evidence *row, const finding *one, const char *how) {
    const findings *found = row->step->step.outcome;
    say_subject(row, one);
    say(row, " %s %s, ", how, found->statistic.name);
    say_value(row, one->value);
    if (found->rated)
        say(row, " (%.1f %% of the images go there)", 100 * one->asr.value);
}

/* Followed by "; the other classes need 60 or more", if there are others. */
static void say_flagged(audit_evidence *row, const finding *one) {
    const findings *found = row->step->step.outcome;
    const char *unit = row->step->row->unit;
    if (unit)
        say_change(row, one);
    else
        say_outlier(row, one, "stands out by its");
    if (!isnan(row->other)) {
        say(row, "; the other%s %s ", found->about == FINDING_CLASS ? " classes" : "s",
            unit ? "need" : "have");
        say_value(row, row->other);
        say(row, " or %s", found->statistic.large ? "less" : "more");
    }
    say_index(row, one, " (");
}

static void say_unflagged(audit_evidence *row, const finding *first, const finding *most) {
    const findings *found = row->step->step.outcome;
    const char *unit = row->step->row->unit;
    if (found->unsearched > 0)
        say(row, "of the %zu of %zu classes that %s searched, ", found->count,
            found->count + found->unsearched, found->count == 1 ? "was" : "were");
    if (!found->judged || !first) {
        say(row, "too few have %s to be compared", unit ? "a trigger" : "a value");
        return;
    }
    if (unit)
        say(row, "none takes a much smaller change than the others; the smallest, about ");
    else
        say(row, "none stands out; the %s %s, ", found->statistic.large ? "largest" : "smallest",
            found->statistic.name);
    say_value(row, first->value);
    say(row, "%s%s, is that of ", unit ? " " : "", unit ? unit : "");
    say_subject(row, first);
    if (most)
        say_index(row, most, " (largest ");
}

/* The pictures of the recovered trigger. */
static td_status add_pictures(audit_job *job, const finding *one, audit_evidence *row,
                              td_error *error) {
    static const char *const parts[] = {"trigger", "mask", "pattern"};
    char source[24] = "";
    if (((const findings *)row->step->step.outcome)->about == FINDING_PAIR)
        snprintf(source, sizeof source, "%zu-", one->source);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[TD_PATH_SIZE];
        const char *picture;
        TD_TRY(tool_run_text(job->run, &picture, error, "%s/%s-%s%zu.png", row->method, parts[i],
                             source, one->class));
        if (!td_path_join(path, job->run->common->output, picture) || !td_path_exists(path))
            continue;
        if (i == 0)
            row->picture = picture;
        td_json_append(&job->run->record.json, job->pictures,
                       td_json_text(&job->run->record.json, picture));
    }
    return TD_OK;
}

/* A flagged finding or, if none is flagged, the first of all, if any. */
static td_status report_finding(audit_job *job, const audit_step *s, const finding *one,
                                bool flagged, td_error *error) {
    const findings *found = s->step.outcome;
    const finding *most = findings_largest_index(found);
    audit_evidence *row;
    TD_TRY(add_row(job, s, flagged, &row, error));
    if (one && is_by_class(found)) {
        row->class = one->class;
        row->class_name = name_of(job, one->class);
    }
    if (one)
        row->value = one->value;
    if (!flagged) {
        say_unflagged(row, one, most);
        if (most && isfinite(most->index))
            row->index = most->index;
    } else {
        row->index = one->index;
        row->other = nearest_other(found);
        if (found->rated)
            row->asr = one->asr;
        say_flagged(row, one);
    }
    say_rate(row, "clean", &s->rates.false_positives);
    say_rate(row, "backdoored", &s->rates.detected);
    return flagged && is_by_class(found) ? add_pictures(job, one, row, error) : TD_OK;
}

/* If there are too few classes for an index, lists the values for people to compare. */
static td_status report_unjudged(audit_job *job, const audit_step *s, td_error *error) {
    const findings *found = s->step.outcome;
    for (size_t i = 0; i < found->count; i++) {
        const finding *one = &found->list[i];
        audit_evidence *row;
        if (!one->found)
            continue;
        TD_TRY(add_row(job, s, false, &row, error));
        row->class = one->class;
        row->class_name = name_of(job, one->class);
        row->value = one->value;
        if (found->rated)
            row->asr = one->asr;
        if (s->row->unit)
            say_change(row, one);
        else
            say_outlier(row, one, "has a");
        say(row, "; an index takes %d classes, and there %s", FINDINGS_LEAST,
            found->valued == 1 ? "is one" : "are two");
        TD_TRY(add_pictures(job, one, row, error));
    }
    return TD_OK;
}

/* --- the screening --- */

static void say_screened(audit_evidence *row, const screened *found) {
    if (!found->calibrated)
        say(row, "the controls do not stand for this model: %s; beside them, ", found->why);
    say(row, "%zu of %zu clean models (%s, trained by %s%s) look%s as suspicious (p = %.3f)",
        found->as_high, found->controls, found->of,
        strcmp(found->recipes, "mixed") == 0 ? "several recipes" : "one recipe",
        row->job->shipped ? ", with the program" : "", found->as_high == 1 ? "s" : "", found->p);
    say(row, "; what stands out most, by %s, is ", found->screen);
    if (found->class == TOOL_NO_COUNT)
        say(row, "%s", found->subject);
    else
        say_class(row, found->class);
    if (found->source != TOOL_NO_COUNT) {
        say(row, " in images of ");
        say_class(row, found->source);
    }
}

static td_status name_picture(audit_job *job, const screened *found, audit_evidence *row,
                              td_error *error) {
    static const char *const parts[] = {"trigger", "change"};
    char source[24] = "";
    if (found->source != TOOL_NO_COUNT)
        snprintf(source, sizeof source, "%zu-", found->source);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && found->class != TOOL_NO_COUNT; i++) {
        char path[TD_PATH_SIZE];
        const char *picture;
        TD_TRY(tool_run_text(job->run, &picture, error, "%s/%s-%s%zu.png", row->method, parts[i],
                             source, found->class));
        if (td_path_join(path, job->run->common->output, picture) && td_path_exists(path))
            row->picture = picture;
    }
    if (row->picture)
        td_json_append(&job->run->record.json, job->pictures,
                       td_json_text(&job->run->record.json, row->picture));
    return TD_OK;
}

td_status audit_report_screen(audit_job *job, audit_step *s, td_error *error) {
    const screened *found = s->step.outcome;
    size_t *class;
    audit_evidence *row;
    TD_TRY(add_row(job, s, found->flagged, &row, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &class, "a class", error));
    say_screened(row, found);
    row->p = found->p;
    *class = row->class = found->class;
    if (found->class != TOOL_NO_COUNT)
        row->class_name = name_of(job, found->class);
    s->found.classes = class;
    s->found.class_count = found->flagged && found->class != TOOL_NO_COUNT;
    s->found.other = found->flagged && found->class == TOOL_NO_COUNT;
    return name_picture(job, found, row, error);
}

td_status audit_report_inspector(audit_job *job, audit_step *s, td_error *error) {
    const findings *found = s->step.outcome;
    size_t *classes;
    if (!found->judged && found->valued > 0 && is_by_class(found))
        return report_unjudged(job, s, error);
    if (found->flagged == 0)
        return report_finding(job, s, findings_first(found), false, error);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->count, &classes, "classes", error));
    s->found.classes = classes;
    for (size_t i = 0; i < found->count; i++) {
        if (!found->list[i].flagged)
            continue;
        if (is_by_class(found))
            classes[s->found.class_count++] = found->list[i].class;
        else
            s->found.other = true;
        TD_TRY(report_finding(job, s, &found->list[i], true, error));
    }
    return TD_OK;
}

/* --- detectors --- */

td_status audit_report_detector(audit_job *job, audit_step *s, td_error *error) {
    const detect_outcome *found = s->step.outcome;
    const detect_outcome_set *benign = found->sets;
    for (size_t i = 0; i < found->count; i++) {
        const detect_outcome_set *set = &found->sets[i];
        audit_evidence *row;
        if (!set->suspect)
            continue;
        TD_TRY(add_row(job, s, set->above, &row, error));
        say(row, "of the %zu input%s of %.200s, %.1f %% %s; of clean images %.1f %% do: %s",
            set->flagged.trials, set->flagged.trials == 1 ? "" : "s", set->data,
            100 * set->flagged.value, s->row->flagged ? s->row->flagged : "are flagged",
            100 * benign->flagged.value,
            set->above ? "more than chance explains" : "no more than chance explains");
        row->data = set->data;
        row->share = set->flagged;
        s->found.other |= set->above;
    }
    return TD_OK;
}

/* --- filters --- */

/* "; class 2 (Pullover), 51 of 148, silhouette 0.55". */
static void say_group(audit_evidence *row, const filter_outcome_class *class) {
    say(row, "; ");
    say_class(row, class->number);
    say(row, ", %zu of %zu", class->suspects, class->images);
    if (!isnan(class->silhouette))
        say(row, ", silhouette %.2f", class->silhouette);
}

static td_status report_groups(audit_job *job, const audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    double *numbers;
    size_t count = 0;
    audit_evidence *row;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->class_count, &numbers, "classes", error));
    TD_TRY(add_row(job, s, false, &row, error));
    say(row, "in some classes a part of the training images is a group of its own, as poisoned "
             "images are; clean classes often have one, so that this is a hint and no more");
    for (size_t i = 0; i < found->class_count; i++) {
        if (!found->classes[i].flagged)
            continue;
        if (count < MOST_GROUPS)
            say_group(row, &found->classes[i]);
        numbers[count++] = (double)found->classes[i].number;
    }
    row->classes = (tool_list){numbers, count};
    row->flagged = count > 0;
    if (count == 0)
        row->finding = "in no class of the training set is a part of the images a group of its own";
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

/* The first finished filter that flags classes. */
static const audit_step *find_grouping(const audit_job *job) {
    for (size_t i = 0; i < job->step_count; i++) {
        const audit_step *s = &job->steps[i];
        if (s->kind->source == SOURCE_TRAINING && s->step.done &&
            !((const filter_outcome *)s->step.outcome)->ranks)
            return s;
    }
    return NULL;
}

/* Relates a filter that ranks the images of every class to the groups that another filter found. */
static td_status report_ranked(audit_job *job, const audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    const audit_step *other = find_grouping(job);
    const filter_outcome *grouped = other ? other->step.outcome : NULL;
    const double first =
        found->images > 0 ? 100 * (double)found->suspect_count / (double)found->images : 0;
    audit_evidence *row;
    TD_TRY(add_row(job, s, false, &row, error));
    if (!grouped || grouped->suspect_count == 0) {
        say(row,
            "ranks the images of every class and flags none by itself: the %.0f %% that stand out "
            "most are in its record",
            first);
        return TD_OK;
    }
    const size_t shared = count_shared(grouped, found);
    const char *title = other->method->title;
    const bool lower = *title >= 'A' && *title <= 'Z' && title[1] >= 'a';
    say(row,
        "%zu of the %zu image%s that %c%s suspects %s among the %.0f %% that stand out most in "
        "their class (by chance: about %.0f)",
        shared, grouped->suspect_count, grouped->suspect_count == 1 ? "" : "s",
        lower ? *title - 'A' + 'a' : *title, title + 1, shared == 1 ? "is" : "are", first,
        first / 100 * (double)grouped->suspect_count);
    return TD_OK;
}

td_status audit_report_filter(audit_job *job, audit_step *s, td_error *error) {
    const filter_outcome *found = s->step.outcome;
    return found->ranks ? report_ranked(job, s, error) : report_groups(job, s, error);
}

/* --- all --- */

/* The most informative evidence, which ran last, comes first. */
td_status audit_list_evidence(audit_job *job, td_error *error) {
    job->evidence_end = &job->evidence;
    job->pictures = tool_run_set(job->run, "pictures", "[]");
    for (size_t i = job->step_count; i-- > 0;)
        if (job->steps[i].step.done)
            TD_TRY(job->steps[i].kind->report(job, &job->steps[i], error));
    return TD_OK;
}
