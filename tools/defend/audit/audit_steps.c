/* The methods as children: which apply, with what arguments, in which order and how long. */
#include "frame/clock.h"
#include "data/path.h"
#include "defend/audit/audit.h"
#include "defend/method.h"
#include <math.h>
#include <string.h>

enum { MOST_OVERLAYS = 100, RANGE_SIZE = TD_PATH_SIZE + 64, NUMBER_SIZE = 32 };

/* A method that ends by itself has this part of its time, within these seconds, for its last step
 * and its files; when that is over, too, and `late` seconds more, it is ended. */
static const double closing_part = 0.05, closing_least = 0.5, closing_most = 10, late = 1;

const audit_step *audit_find_step(const audit_job *job, const tool_method *method) {
    for (size_t i = 0; i < AUDIT_STEPS; i++)
        if (job->steps[i].row->method == method)
            return &job->steps[i];
    return NULL;
}

/* --- the arguments --- */

typedef struct audit_arguments {
    const char *texts[STEP_ARGUMENTS];
    size_t count;
    char calibration[RANGE_SIZE], benign[RANGE_SIZE], overlays[NUMBER_SIZE], steps[NUMBER_SIZE];
} arguments;

static void add(arguments *a, const char *option, const char *text) {
    a->texts[a->count++] = option;
    a->texts[a->count++] = text;
}

static void add_training(arguments *a, const audit_job *job) {
    add(a, "--data", job->options->training);
}

static void add_clean(arguments *a, const audit_job *job) {
    add(a, "--clean", job->sample);
}

/* A set tells the size of images to a method that needs none otherwise. */
static void add_shape(arguments *a, const audit_job *job) {
    if (job->options->net)
        add(a, "--test", job->sample);
}

/* What calibrates is the first half of the sample, what judges beside the suspects the other. */
static void add_sets(arguments *a, const audit_job *job) {
    const size_t half = job->sample_count / 2;
    snprintf(a->calibration, sizeof a->calibration, "%s::0-%zu", job->sample, half);
    snprintf(a->benign, sizeof a->benign, "%s::%zu-%zu", job->sample, half, job->sample_count);
    add(a, "--clean", a->calibration);
    add(a, "--benign", a->benign);
    for (size_t i = 0; i < job->options->suspect_count; i++)
        add(a, "--suspect", job->options->suspects[i]);
}

/* The overlays are drawn from a half of what calibrates. */
static void add_sets_and_overlays(arguments *a, const audit_job *job) {
    const size_t few = job->sample_count / 5;
    add_sets(a, job);
    snprintf(a->overlays, sizeof a->overlays, "%zu", few < MOST_OVERLAYS ? few : MOST_OVERLAYS);
    add(a, "--overlays", a->overlays);
}

static void add_steps(arguments *a, const audit_job *job, size_t usual) {
    const double steps = job->options->effort * (double)usual;
    snprintf(a->steps, sizeof a->steps, "%.0f", fmax(steps, 1));
    add(a, "--steps", a->steps);
}

static void list_arguments(const audit_job *job, const audit_method *row, arguments *a) {
    const audit_options *o = job->options;
    *a = (arguments){.count = 0};
    add(a, "--model", o->model);
    if (o->net)
        add(a, "--net", o->net);
    row->add_own(a, job);
    if (row->steps > 0)
        add_steps(a, job, row->steps);
}

/* Those whose time is known to be short come first; the last has a use for any time. */
const audit_method audit_methods[AUDIT_STEPS] = {
    {.method = &defend_spectral,
     .title = "Spectral signatures",
     .needs = AUDIT_TRAINING,
     .sight = SIGHT_TRAINING,
     .worth = WORTH_HINT,
     .weight = 1,
     .add_own = add_training},
    {.method = &defend_activation_clustering,
     .title = "Activation clustering",
     .needs = AUDIT_TRAINING,
     .sight = SIGHT_TRAINING,
     .worth = WORTH_HINT,
     .weight = 1,
     .add_own = add_training},
    {.method = &defend_squeeze,
     .title = "Feature squeezing",
     .needs = AUDIT_SUSPECTS,
     .sight = SIGHT_INPUTS,
     .worth = WORTH_WEAK,
     .weight = 1,
     .add_own = add_sets,
     .flagged = "get another answer once they are filtered"},
    {.method = &defend_strip,
     .title = "STRIP",
     .needs = AUDIT_SUSPECTS,
     .sight = SIGHT_INPUTS,
     .worth = WORTH_SIGN,
     .weight = 2,
     .add_own = add_sets_and_overlays,
     .flagged = "keep their class whatever is laid over them"},
    {.method = &defend_deepinspect,
     .title = "DeepInspect",
     .needs = AUDIT_ALWAYS,
     .sight = SIGHT_MODEL,
     .worth = WORTH_SIGN,
     .weight = 4,
     .steps = 1500,
     .add_own = add_shape},
    {.method = &defend_cleanse,
     .title = "Neural Cleanse",
     .needs = AUDIT_ALWAYS,
     .sight = SIGHT_MODEL,
     .worth = WORTH_SIGN,
     .weight = 8,
     .steps = 1000,
     .add_own = add_clean,
     .takes_minutes = true,
     .counts_pixels = true},
};

/* --- the plan --- */

static bool applies(const audit_options *o, const audit_method *row) {
    return row->needs == AUDIT_SUSPECTS   ? o->suspect_count > 0
           : row->needs == AUDIT_TRAINING ? o->training != NULL
                                          : true;
}

static td_status plan(audit_job *job, audit_step *s, td_error *error) {
    const char *name = s->row->method->name;
    char folder[TD_PATH_SIZE];
    arguments a;
    if (!td_path_join(folder, job->options->common.output, name))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a path of less than %d bytes",
                       job->options->common.output, TD_PATH_SIZE);
    list_arguments(job, s->row, &a);
    TD_TRY(step_make(&s->step, &job->run, s->row->method, folder, name, a.texts, a.count,
                     &job->arena, error));
    return step_look(&s->step, &job->run, error);
}

td_status audit_plan(audit_job *job, td_error *error) {
    for (size_t i = 0; i < AUDIT_STEPS; i++) {
        audit_step *s = &job->steps[i];
        s->row = &audit_methods[i];
        s->applies = applies(job->options, s->row);
        if (s->applies)
            TD_TRY(plan(job, s, error));
    }
    return TD_OK;
}

/* --- running --- */

static bool is_open(const audit_step *s) {
    return s->applies && (!s->step.done || s->step.cut);
}

/* Of the time that is left, by the weights of the steps that are. */
static double share_of(const audit_job *job, size_t number) {
    const double left = job->deadline - tool_monotonic_seconds();
    double weights = 0;
    for (size_t i = number; i < AUDIT_STEPS; i++)
        if (is_open(&job->steps[i]) && !job->steps[i].failed)
            weights += job->steps[i].row->weight;
    return left * job->steps[number].row->weight / weights;
}

static void tick(void *context, double seconds) {
    audit_job *job = context;
    tool_progress_update(&job->progress, (size_t)seconds, NULL);
}

/* To a method that ends by itself. */
static td_status give_time(audit_job *job, audit_step *s, double seconds, td_error *error) {
    char minutes[NUMBER_SIZE];
    if (!s->row->takes_minutes)
        return TD_OK;
    const double closing = fmin(fmax(closing_part * seconds, closing_least), closing_most);
    snprintf(minutes, sizeof minutes, "%.6f", fmax((seconds - closing) / 60, 1e-6));
    return step_argue(&s->step, "--minutes", minutes, &job->arena, error);
}

static td_status start(audit_job *job, audit_step *s, double seconds, td_error *error) {
    const double most = s->row->takes_minutes ? seconds + late : seconds;
    const step_watch watch = {most, tick, job};
    char *reason;
    TD_TRY(give_time(job, s, seconds, error));
    job->progress = tool_progress_start(s->row->method->name, "seconds at most",
                                        (size_t)(seconds + 0.5), job->options->common.quiet);
    td_status status = step_start(&s->step, &job->run, &watch, error);
    tool_progress_end(&job->progress);
    if (status == TD_ERR_INTERRUPTED)
        return td_fail(error, status, "interrupted; the same command goes on");
    if (status == TD_OK || status == TD_ERR_MEMORY)
        return status;
    td_error line = *error;
    TD_TRY(td_arena_text(&job->arena, line.message, strlen(line.message), &reason, error));
    s->failed = reason;
    (void)td_fail_within(&line, status, "%s", s->row->method->name);
    tool_note(line.message);
    return TD_OK;
}

/* One after another; `again`: only where there is more time than the step had in vain. */
static td_status run_round(audit_job *job, bool again, td_error *error) {
    for (size_t i = 0; i < AUDIT_STEPS; i++) {
        audit_step *s = &job->steps[i];
        if (!is_open(s) || s->failed)
            continue;
        const double share = share_of(job, i);
        if (share > (again ? s->given : 0)) {
            s->given = share;
            TD_TRY(start(job, s, share, error));
        }
        s->late = !s->step.done && !s->failed;
    }
    return TD_OK;
}

/* What others left of their time may be enough for one that did not come to an end. */
td_status audit_run_steps(audit_job *job, td_error *error) {
    TD_TRY(run_round(job, false, error));
    return run_round(job, true, error);
}
