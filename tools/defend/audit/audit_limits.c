/* What was not looked at, or cannot be seen. */
#include "defend/audit/audit.h"
#include "defend/method.h"

enum { LIMIT_SIZE = 512 };

static void add(audit_job *job, const char *text) {
    json_array_append_new(job->limits, tool_json_text(text));
}

static void list_missing_data(audit_job *job) {
    const audit_options *o = job->options;
    if (o->suspect_count == 0)
        add(job, "No inputs met in use were given (--suspect), so none were looked at.");
    if (!o->training)
        add(job, "The training set was not given (--training), so it was not searched for poisoned "
                 "images.");
}

static void list_step(audit_job *job, const audit_step *s) {
    char text[LIMIT_SIZE];
    const inspected *found = &s->found;
    if (s->failed)
        snprintf(text, sizeof text, "%s failed: %s.", s->row->title, s->failed);
    else if (s->late)
        snprintf(text, sizeof text,
                 "%s did not come to an end in its time. The same command, with more --minutes, "
                 "goes on.",
                 s->row->title);
    else if (found->unsearched > 0)
        snprintf(text, sizeof text,
                 "%s searched %zu of %zu classes in its time. The same command goes on.",
                 s->row->title, found->count, found->count + found->unsearched);
    else if (s->row->sight == SIGHT_MODEL && !found->judged)
        snprintf(text, sizeof text,
                 "%s found a trigger for too few classes to compare them, so that none could stand "
                 "out.",
                 s->row->title);
    else
        return;
    add(job, text);
}

static void list_images(audit_job *job) {
    char text[LIMIT_SIZE];
    const size_t images = job->clean.images.count;
    if (images < AUDIT_FEW_CLEAN)
        snprintf(text, sizeof text,
                 "There are only %zu clean images: what changes their class need not change that "
                 "of others, and detectors calibrate on few.",
                 images);
    else if (job->sample_count < images)
        snprintf(text, sizeof text, "The methods worked with %zu of the %zu clean images.",
                 job->sample_count, images);
    else
        return;
    add(job, text);
}

static void list_effort(audit_job *job) {
    char text[LIMIT_SIZE];
    if (job->options->effort == 1)
        return;
    snprintf(text, sizeof text,
             "The inspectors took %.3g of their usual steps (--effort): the triggers that they "
             "found are larger than they need be, and differ less.",
             job->options->effort);
    add(job, text);
}

/* What --controls do not tell is unknown, and no number stands in for it. */
static void list_rates(audit_job *job) {
    char text[LIMIT_SIZE];
    for (size_t i = AUDIT_STEPS; i-- > 0;) {
        const audit_step *s = &job->steps[i];
        if (s->row->sight != SIGHT_MODEL || !s->step.done)
            continue;
        const audit_rates *rates = audit_rates_of(job, s);
        if (!rates)
            snprintf(text, sizeof text,
                     "How often %s flags a clean model of this kind, or misses a backdoored one, "
                     "is not known. trapdoor-defend controls measures it (--controls).",
                     s->row->title);
        else if (!rates->same)
            snprintf(text, sizeof text,
                     "The control models were inspected by %s with other settings, so that their "
                     "rates need not hold here.",
                     s->row->title);
        if (!rates || !rates->same)
            add(job, text);
    }
}

static void list_blind_spots(audit_job *job) {
    add(job, "The inspectors look for small changes that send every image to one class. Triggers "
             "that change much of the image or all of it, that work on images of some classes "
             "only, or of which most classes have one, can escape them.");
    if (job->conclusion.verdict == VERDICT_SUSPECTED)
        add(job,
            "A class can stand out without a backdoor: of ten sizes that differ by chance alone "
            "one has an index above 2 in a third of all cases. Look at its trigger. Inputs that "
            "differ from the clean images for another reason, as "
            "another camera, can be flagged as well.");
}

void audit_list_limits(audit_job *job) {
    if (job->conclusion.verdict == VERDICT_NOT_JUDGED) {
        add(job, "No method was run.");
        return;
    }
    for (size_t i = AUDIT_STEPS; i-- > 0;)
        if (job->steps[i].applies)
            list_step(job, &job->steps[i]);
    list_missing_data(job);
    list_images(job);
    list_effort(job);
    list_rates(job);
    list_blind_spots(job);
}
