/* SPDX-License-Identifier: MIT */
/* The verdict as tables and as text. */
#include "base/text.h"
#include "defend/audit/audit.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 92 };

const char audit_text_name[] = "audit.txt";

/* --- tables --- */

typedef struct verdict_row {
    const char *verdict, *advice;
    size_t suspected;
    td_rate accuracy;
    double chance;
} verdict_row;

static const tool_column verdict_columns[] = {
    {"verdict", NULL, TOOL_TEXT, offsetof(verdict_row, verdict)},
    {"advice", NULL, TOOL_TEXT, offsetof(verdict_row, advice)},
    {"suspected_class", "suspected class", TOOL_CLASS, offsetof(verdict_row, suspected)},
    {"accuracy", "accuracy on the clean images", TOOL_RATE, offsetof(verdict_row, accuracy)},
    {"chance", "chance", TOOL_REAL, offsetof(verdict_row, chance)},
    {0},
};

#define EVIDENCE(field) offsetof(audit_evidence, field)

static const tool_column evidence_columns[] = {
    {"title", "method", TOOL_TEXT, EVIDENCE(title)},
    {"finding", "finding", TOOL_TEXT, EVIDENCE(finding)},
    {"weight", "weight", TOOL_TEXT, EVIDENCE(weight)},
    {"flagged", "", TOOL_FLAG, EVIDENCE(flagged), .flag = "FLAGGED"},
    {"method", NULL, TOOL_TEXT, EVIDENCE(method)},
    {"record", NULL, TOOL_TEXT, EVIDENCE(record)},
    {"class", NULL, TOOL_COUNT, EVIDENCE(class)},
    {"class_name", NULL, TOOL_TEXT, EVIDENCE(class_name)},
    {"value", NULL, TOOL_REAL, EVIDENCE(value)},
    {"nearest_other", NULL, TOOL_REAL, EVIDENCE(other)},
    {"index", NULL, TOOL_REAL, EVIDENCE(index)},
    {"p", NULL, TOOL_REAL, EVIDENCE(p)},
    {"asr", NULL, TOOL_RATE, EVIDENCE(asr)},
    {"picture", NULL, TOOL_TEXT, EVIDENCE(picture)},
    {"data", NULL, TOOL_TEXT, EVIDENCE(data)},
    {"share", NULL, TOOL_RATE, EVIDENCE(share)},
    {"classes", NULL, TOOL_LIST, EVIDENCE(classes)},
    {0},
};

typedef struct step_row {
    const char *title, *state, *reason, *method;
} step_row;

static const tool_column step_columns[] = {
    {"title", "method", TOOL_TEXT, offsetof(step_row, title)},
    {"state", "state", TOOL_TEXT, offsetof(step_row, state)},
    {"reason", "reason", TOOL_TEXT, offsetof(step_row, reason)},
    {"method", NULL, TOOL_TEXT, offsetof(step_row, method)},
    {0},
};

static const char evidence_title[] = "What was seen";

static const char *const advice[] = {
    [VERDICT_NOT_JUDGED] = "Give labelled images of the kind that the model is made for.",
    [VERDICT_NOTHING] = "More can be looked at with inputs from use (--suspect) and the training "
                        "set (--training).",
    [VERDICT_SUSPECTED] = "Look at the recovered triggers: is one a mark that nobody would expect "
                          "in an image? A small one (trigger-K.png) can be tried on images of "
                          "your own: every tool takes it as "
                          "--trigger image:file=trigger-K.png,at=0+0. A change of the whole image "
                          "(change-K.png) would replace the image, and says nothing there.",
    [VERDICT_LIKELY] = "Do not rely on this model. Look at the recovered triggers. trapdoor-defend "
                       "cleanse --patch and fineprune repair models; audit what they write."};

/* Why no inspector reached a verdict, and what to do. */
static const char *advise_inconclusive(const audit_job *job) {
    bool failed = false, late = false;
    if (td_net_classes(&job->model.net) < FINDINGS_LEAST)
        return "An index compares classes and takes three of them, so that no time will help with "
               "a model of two. Compare the sizes and look at the pictures of both triggers: "
               "is one much smaller, or a mark that nobody would expect? Inputs from use "
               "(--suspect) and the training set (--training) can be looked at without an index.";
    for (size_t i = 0; i < job->step_count; i++) {
        const audit_step *s = &job->steps[i];
        if (s->kind->source != SOURCE_MODEL || !s->applies)
            continue;
        failed |= s->step.failed != NULL;
        late |= !s->step.failed && (!s->step.done || audit_is_cut(s));
    }
    return late     ? "Give it more time (--minutes): the same command resumes."
           : failed ? "The inspectors failed, for the reasons below: once these are gone, the same "
                      "command resumes."
           : job->settings->effort < 1
               ? "The inspectors found triggers for too few classes: give them all of their steps "
                 "(without --effort) and --force."
               : "The inspectors found triggers for too few classes, and more time will not find "
                 "others. Inputs from use (--suspect) and the training set (--training) can be "
                 "looked at without them.";
}

static const char *advise(const audit_job *job) {
    switch (job->conclusion.verdict) {
    case VERDICT_INCONCLUSIVE:
        return advise_inconclusive(job);
    case VERDICT_NOT_JUDGED:
        return job->reordered ? job->reordered : advice[VERDICT_NOT_JUDGED];
    default:
        return advice[job->conclusion.verdict];
    }
}

static td_status add_verdict(audit_job *job, td_error *error) {
    static const tool_table_kind kind = {.title = "The model",
                                         .columns = verdict_columns,
                                         .row = sizeof(verdict_row),
                                         .single = true};
    const conclusion *c = &job->conclusion;
    const verdict_row row = {verdict_names[c->verdict], advise(job),
                             c->has_class ? c->class : TOOL_NO_COUNT, job->accuracy, job->chance};
    return tool_run_rows(job->run, &kind, NULL, &row, 1, error);
}

static td_status add_evidence(audit_job *job, td_error *error) {
    static const tool_table_kind kind = {.name = "evidence",
                                         .title = evidence_title,
                                         .columns = evidence_columns,
                                         .row = sizeof(audit_evidence)};
    tool_table *table;
    TD_TRY(tool_run_open(job->run, &kind, NULL, &table, error));
    for (const audit_evidence *row = job->evidence; row; row = row->next)
        TD_TRY(tool_run_fill(job->run, table, row, error));
    return TD_OK;
}

static const char *state_of(const audit_step *s) {
    return !s->applies       ? s->lacks ? s->lacks : "no data given"
           : s->step.failed  ? "failed"
           : audit_is_cut(s) ? "cut short"
           : s->step.done    ? "done"
                             : "out of time";
}

static td_status add_states(audit_job *job, td_error *error) {
    static const tool_table_kind kind = {
        .name = "steps", .title = "Methods", .columns = step_columns, .row = sizeof(step_row)};
    tool_table *table;
    TD_TRY(tool_run_open(job->run, &kind, NULL, &table, error));
    for (size_t i = 0; i < job->step_count; i++) {
        const audit_step *s = &job->steps[i];
        const step_row row = {s->method->title, state_of(s), s->step.failed, s->method->name};
        TD_TRY(tool_run_fill(job->run, table, &row, error));
    }
    return TD_OK;
}

/* --- text --- */

static const char only_method[] = "the one method that came to an end";

static void suspicion(const conclusion *c, char text[96]) {
    if (c->looked == 1)
        snprintf(text, 96, "%s sees signs of one", only_method);
    else
        snprintf(text, 96, "%zu of %zu methods %s signs of one", c->pointing, c->looked,
                 c->pointing == 1 ? "sees" : "see");
}

/* The conclusion in one line. */
static td_status summarize(const audit_job *job, const char **out, td_error *error) {
    const conclusion *c = &job->conclusion;
    tool_run *run = job->run;
    char name[AUDIT_CLASS_SIZE], where[AUDIT_CLASS_SIZE + 8] = "", seen[96];
    const char *by = only_method;
    if (c->has_class)
        snprintf(where, sizeof where, ", in %s", audit_class(job, c->class, name));
    switch (c->verdict) {
    case VERDICT_LIKELY:
        return tool_run_text(run, out, error,
                             "A backdoor is likely: %zu methods that work differently agree%s.",
                             c->agreeing, where);
    case VERDICT_SUSPECTED:
        suspicion(c, seen);
        return tool_run_text(run, out, error, "A backdoor is suspected%s: %s%s.%s",
                             c->weak ? ", on weak grounds" : "", seen, where,
                             c->pointing > 1 ? " They do not agree." : "");
    case VERDICT_NOTHING:
        if (c->looked > 1)
            TD_TRY(
                tool_run_text(run, &by, error, "the %zu methods that came to an end", c->looked));
        return tool_run_text(run, out, error,
                             "Nothing was found by %s. That is no proof that the model is clean.",
                             by);
    case VERDICT_INCONCLUSIVE:
        return tool_run_text(run, out, error,
                             "Nothing was found, but too little was looked at to "
                             "conclude anything.");
    case VERDICT_NOT_JUDGED:
        break;
    }
    return tool_run_text(run, out, error,
                         "The model cannot be judged on these images: it is right on %.1f %% of "
                         "them, and chance is %.1f %%. Are they what it is made for?",
                         100 * job->accuracy.value, 100 * job->chance);
}

/* Text wrapped to about LINE with indentation; the first line begins with `lead`. */
static TD_PRINTF(4, 5) void write_wrapped(FILE *out, const char *lead, size_t indent,
                                          const char *format, ...) {
    char line[2048];
    const char *text = line;
    size_t column = strlen(lead);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fputs(lead, out);
    while (*text) {
        size_t word = strcspn(text, " ");
        if (strncmp(text + word, " %", 2) == 0) /* a number and its unit stay together */
            word += 1 + strcspn(text + word + 1, " ");
        if (column > indent && column + 1 + word > LINE) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, word, out);
        column += word;
        text += word + strspn(text + word, " ");
    }
    fputc('\n', out);
}

/* "!" for a sign, "?" for something that may have another cause. */
static const char *mark_of(const audit_evidence *row) {
    return !row->flagged ? "  - " : strcmp(row->weight, "sign") == 0 ? "  ! " : "  ? ";
}

static void write_evidence(FILE *out, const audit_evidence *row) {
    if (row)
        fprintf(out, "\n%s\n", evidence_title);
    for (; row; row = row->next)
        write_wrapped(out, mark_of(row), 4, "%s: %s.", row->title, row->finding);
}

static void write_limits(FILE *out, const json_t *limits) {
    size_t i;
    const json_t *line;
    if (json_array_size(limits) > 0)
        fputs("\nWhat was not looked at, or cannot be seen\n", out);
    json_array_foreach(limits, i, line) {
        write_wrapped(out, "  - ", 4, "%s", json_string_value(line));
    }
}

/* Only the trigger's picture, not the pictures it is composed of. */
static void write_pictures(FILE *out, const audit_evidence *row) {
    const char *before = "\nRecovered triggers: ", *end = "";
    for (; row; row = row->next)
        if (row->picture) {
            fprintf(out, "%s%s", before, row->picture);
            before = ", ";
            end = "\n";
        }
    fputs(end, out);
}

static void write_text(FILE *out, const audit_job *job, const char *summary) {
    const td_rate *accuracy = &job->accuracy;
    fprintf(out, "%s: audit with %s\n\n", job->settings->model.path, job->settings->clean);
    write_wrapped(out, "", 0, "%s", summary);
    write_wrapped(out, "", 0, "%s", advise(job));
    fputc('\n', out);
    write_wrapped(
        out, "", 0,
        "Accuracy on %zu clean images: %.2f %% (95 %% interval %.2f to %.2f; chance %.1f).",
        accuracy->trials, 100 * accuracy->value, 100 * accuracy->interval.low,
        100 * accuracy->interval.high, 100 * job->chance);
    write_evidence(out, job->evidence);
    write_limits(out, job->limits);
    write_pictures(out, job->evidence);
    fprintf(out, "\nVerdict: %s\n", verdict_names[job->conclusion.verdict]);
}

static td_status write_file(audit_job *job, const char *summary, td_error *error) {
    tool_outputs *outputs = &job->run->outputs;
    FILE *stream;
    outputs->force = true; /* its own file, already checked through the record beside it */
    td_status status = tool_outputs_add(outputs, audit_text_name, &stream, error);
    outputs->force = job->run->common->force;
    TD_TRY(status);
    write_text(stream, job, summary);
    return tool_outputs_finish(outputs, &job->run->record, error);
}

/* For the terminal. */
static td_status write_words(audit_job *job, const char *summary, td_error *error) {
    td_text text;
    if (!td_text_open(&text))
        return td_fail_memory(error, "the verdict");
    write_text(text.stream, job, summary);
    fprintf(text.stream, "The page: trapdoor-report %s\n", job->run->common->output);
    char *words = td_text_close(&text);
    td_status status = words ? tool_run_text(job->run, &job->run->words, error, "%s", words)
                             : td_fail_memory(error, "the verdict");
    free(words);
    return status;
}

td_status audit_report(audit_job *job, td_error *error) {
    const char *summary;
    TD_TRY(summarize(job, &summary, error));
    TD_TRY(tool_run_summary(job->run, error, "%s", summary));
    TD_TRY(add_verdict(job, error));
    TD_TRY(add_evidence(job, error));
    TD_TRY(add_states(job, error));
    TD_TRY(write_file(job, summary, error));
    return write_words(job, summary, error);
}
