/* The verdict in words and as a record. */
#include "frame/output.h"
#include "data/path.h"
#include "defend/audit/audit.h"
#include <stdlib.h>
#include <string.h>

enum { LINE = 92 };

const char audit_text_name[] = "audit.txt";

/* --- in words --- */

static void suspicion(const conclusion *c, char text[96]) {
    if (c->looked == 1)
        snprintf(text, 96, "the one method that came to an end sees signs of one");
    else
        snprintf(text, 96, "%zu of %zu methods %s signs of one", c->pointing, c->looked,
                 c->pointing == 1 ? "sees" : "see");
}

const char *audit_summary(const audit_job *job, char text[AUDIT_SUMMARY_SIZE]) {
    const conclusion *c = &job->conclusion;
    char name[AUDIT_CLASS_SIZE], where[AUDIT_CLASS_SIZE + 8] = "", seen[96];
    if (c->has_class)
        snprintf(where, sizeof where, ", in %s", audit_class(job, c->class, name));
    switch (c->verdict) {
    case VERDICT_LIKELY:
        snprintf(text, AUDIT_SUMMARY_SIZE,
                 "A backdoor is likely: %zu methods that work differently agree%s.", c->agreeing,
                 where);
        break;
    case VERDICT_SUSPECTED:
        suspicion(c, seen);
        snprintf(text, AUDIT_SUMMARY_SIZE, "A backdoor is suspected%s: %s%s.%s",
                 c->weak ? ", on weak grounds" : "", seen, where,
                 c->pointing > 1 ? " They do not agree." : "");
        break;
    case VERDICT_NOTHING:
        snprintf(text, AUDIT_SUMMARY_SIZE,
                 "Nothing was found by the %zu methods that came to an end. That is no proof that "
                 "the model is clean.",
                 c->looked);
        break;
    case VERDICT_INCONCLUSIVE:
        snprintf(text, AUDIT_SUMMARY_SIZE,
                 "Nothing was found, but too little was looked at to conclude anything.");
        break;
    case VERDICT_NOT_JUDGED:
        snprintf(text, AUDIT_SUMMARY_SIZE,
                 "The model cannot be judged on these images: it is right on %.1f %% of them, and "
                 "chance is %.1f %%. Are they what it is made for?",
                 100 * job->accuracy.value, 100 * job->chance);
        break;
    }
    return text;
}

static const char *advice(verdict v) {
    static const char *const words[] = {
        [VERDICT_NOT_JUDGED] = "Give labelled images of the kind that the model is made for.",
        [VERDICT_INCONCLUSIVE] = "Give it more time (--minutes): the same command goes on.",
        [VERDICT_NOTHING] = "More can be looked at with inputs from use (--suspect) and the "
                            "training set (--training).",
        [VERDICT_SUSPECTED] = "Look at the recovered triggers: is one a mark that nobody would "
                              "expect in an image? Try them on images of your own: every tool "
                              "takes them as --trigger image:file=trigger-K.png,at=0+0.",
        [VERDICT_LIKELY] = "Do not rely on this model. Look at the recovered triggers. "
                           "trapdoor-defend cleanse --patch and fineprune repair models; audit "
                           "what they write."};
    return words[v];
}

/* Text at an indentation, in lines of about LINE; the first begins with `lead`. */
static void write_wrapped(FILE *out, const char *lead, size_t indent, const char *text) {
    size_t column = strlen(lead);
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

static void write_list(FILE *out, const char *heading, const json_t *list) {
    size_t i;
    const json_t *item;
    if (json_array_size(list) == 0)
        return;
    fprintf(out, "\n%s\n", heading);
    json_array_foreach(list, i, item) write_wrapped(out, "  - ", 4, json_string_value(item));
}

/* "!" for a sign, "?" for what may have another reason. */
static const char *mark_of(const json_t *entry) {
    if (!json_is_true(json_object_get(entry, "flagged")))
        return "  - ";
    return strcmp(json_string_value(json_object_get(entry, "worth")), "sign") == 0 ? "  ! "
                                                                                   : "  ? ";
}

static void write_evidence(FILE *out, const audit_job *job) {
    size_t i;
    const json_t *entry;
    if (json_array_size(job->evidence) > 0)
        fputs("\nWhat was seen\n", out);
    json_array_foreach(job->evidence, i, entry) {
        char line[1200];
        snprintf(line, sizeof line, "%s: %s.", json_string_value(json_object_get(entry, "title")),
                 json_string_value(json_object_get(entry, "finding")));
        write_wrapped(out, mark_of(entry), 4, line);
    }
}

/* The shape of the trigger alone, not the pictures that it is made of. */
static void write_pictures(FILE *out, const audit_job *job) {
    size_t i;
    const json_t *picture;
    bool any = false;
    json_array_foreach(job->pictures, i, picture) {
        const char *name = json_string_value(picture), *slash = strrchr(name, '/');
        if (!slash || strncmp(slash + 1, "trigger-", 8) != 0)
            continue;
        fputs(any ? ", " : "\nRecovered triggers: ", out);
        fputs(name, out);
        any = true;
    }
    if (any)
        fputc('\n', out);
}

static void write_text(FILE *out, const audit_job *job) {
    const audit_options *o = job->options;
    char summary[AUDIT_SUMMARY_SIZE], line[AUDIT_SUMMARY_SIZE];
    fprintf(out, "%s: audit with %s\n\n", o->model, o->clean);
    write_wrapped(out, "", 0, audit_summary(job, summary));
    write_wrapped(out, "", 0, advice(job->conclusion.verdict));
    snprintf(line, sizeof line,
             "Accuracy on %zu clean images: %.2f %% (95 %% interval %.2f to %.2f; chance %.1f).",
             job->accuracy.trials, 100 * job->accuracy.value, 100 * job->accuracy.interval.low,
             100 * job->accuracy.interval.high, 100 * job->chance);
    fputc('\n', out);
    write_wrapped(out, "", 0, line);
    write_evidence(out, job);
    write_list(out, "What was not looked at, or cannot be seen", job->limits);
    write_pictures(out, job);
    fprintf(out, "\nVerdict: %s\n", verdict_names[job->conclusion.verdict]);
}

static td_status write_file(audit_job *job, const char *text, size_t size, td_error *error) {
    char path[TD_PATH_SIZE];
    td_output file;
    if (!td_path_join(path, job->options->common.output, audit_text_name))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                       job->options->common.output, TD_PATH_SIZE);
    TD_TRY(td_output_open(&file, path, true, error));
    td_status status = fwrite(text, 1, size, file.stream) == size
                           ? td_output_finish(&file, error)
                           : td_fail(error, TD_ERR_IO, "%s: a write failed", path);
    if (status == TD_OK)
        status = tool_output_record(&file, &job->record, error);
    if (status == TD_OK)
        status = td_output_publish(&file, error);
    td_output_discard(&file);
    return status;
}

static td_status tell_text(audit_job *job, td_error *error) {
    const tool_common *common = &job->options->common;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return td_fail_memory(error, "the verdict");
    write_text(out, job);
    td_status status = fclose(out) == 0 ? write_file(job, text, size, error)
                                        : td_fail_memory(error, "the verdict");
    if (status == TD_OK && (!common->json || strcmp(common->json, "-") != 0))
        printf("%sThe page: trapdoor-report %s\n", text, common->output);
    free(text);
    return status;
}

/* --- as a record --- */

static const char *state_of(const audit_step *s) {
    return !s->applies    ? "no data given"
           : s->failed    ? "failed"
           : s->step.cut  ? "cut short"
           : s->step.done ? "done"
                          : "out of time";
}

static json_t *steps_json(const audit_job *job) {
    json_t *steps = json_array();
    for (size_t i = 0; i < AUDIT_STEPS; i++) {
        const audit_step *s = &job->steps[i];
        json_t *entry = json_pack("{ss ss ss}", "method", s->row->method->name, "title",
                                  s->row->title, "state", state_of(s));
        if (s->failed)
            json_object_set_new(entry, "reason", tool_json_text(s->failed));
        json_array_append_new(steps, entry);
    }
    return steps;
}

td_status audit_tell(audit_job *job, td_error *error) {
    const conclusion *c = &job->conclusion;
    json_t *root = job->record.root;
    char summary[AUDIT_SUMMARY_SIZE];
    json_object_set_new(root, "method", json_string("audit"));
    json_object_set_new(root, "verdict", json_string(verdict_names[c->verdict]));
    json_object_set_new(root, "summary", tool_json_text(audit_summary(job, summary)));
    json_object_set_new(root, "advice", json_string(advice(c->verdict)));
    if (c->has_class)
        json_object_set_new(root, "suspected_class", json_integer((json_int_t)c->class));
    tool_json_rate(root, "accuracy", &job->accuracy);
    json_object_set_new(root, "chance", json_real(job->chance));
    json_object_set_new(root, "evidence", json_incref(job->evidence));
    json_object_set_new(root, "limits", json_incref(job->limits));
    json_object_set_new(root, "pictures", json_incref(job->pictures));
    if (json_object_set_new(root, "steps", steps_json(job)) != 0)
        return td_fail_memory(error, "the record");
    return tell_text(job, error);
}
