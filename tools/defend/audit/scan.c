/* Scan: the screening of every model in a folder, and which stand out once so many were looked at.
 */
#include "data/path.h"
#include "defend/audit/model_folder.h"
#include "defend/audit/screen.h"
#include "defend/audit/step.h"
#include "defend/method.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCAN_MOST = 100000 };

typedef struct scan_settings {
    const char *folder, *clean, *controls;
    bool known, exit_code;
    double level;
} scan_settings;

#define AT(field) offsetof(scan_settings, field)

static const char record_name[] = "scan.json";

static const td_key keys[] = {
    {"folder", TD_KEY_TEXT, AT(folder), .required = true, .argument = true, .value = "DIR",
     .help = "The folder with the models, *.safetensors"},
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Labelled images that you trust, some 20 of each class (split test)"},
    {"controls", TD_KEY_TEXT, AT(controls), .required = true, .value = "FILE",
     .help = "The record of trapdoor-defend controls for the net and the data"},
    {"known-recipe", TD_KEY_FLAG, AT(known),
     .help = "The controls are trained as these models were"},
    {"level", TD_KEY_REAL, AT(level), .above = true, .most = 1, .below = true, .standard = "0.1",
     .value = "Q",
     .help = "Flag models whose q is at most Q: of those that are flagged, a share of Q is clean"},
    {"exit-code", TD_KEY_FLAG, AT(exit_code), .unrecorded = true,
     .help = "Exit with 3 if a model is flagged"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

typedef struct scanned {
    const char *name;
    step step;
    const char *subject, *screen, *note;
    double p, q;
    size_t class;
    signed char flagged;
} scanned;

typedef struct scan_job {
    tool_run *run;
    const scan_settings *settings;
    scanned *models;
    size_t count, done;
    steps all;
} scan_job;

/* --- the steps --- */

static td_status set(step *s, const char *key, const char *value, td_error *error) {
    return tool_settings_set(&s->settings, key, value, error);
}

static td_status plan(scan_job *job, scanned *model, const char *file, td_error *error) {
    const scan_settings *o = job->settings;
    const char *path;
    step *s = &model->step;
    TD_TRY(step_path(job->run, o->folder, file, &path, error));
    TD_TRY(
        tool_run_text(job->run, &model->name, error, "%.*s", (int)model_folder_stem(file), file));
    TD_TRY(step_open(s, &job->all, &defend_screen, NULL, model->name, error));
    TD_TRY(set(s, "model", path, error));
    TD_TRY(set(s, "clean", o->clean, error));
    TD_TRY(set(s, "controls", o->controls, error));
    if (o->known)
        TD_TRY(set(s, "known-recipe", "", error));
    return step_look(s, &job->all, error);
}

static td_status plan_all(scan_job *job, td_error *error) {
    const char **files;
    size_t count;
    TD_TRY(model_folder_list(job->settings->folder, &job->run->arena, &files, &count, error));
    if (count == 0 || count > SCAN_MOST)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a folder with 1 to %d models, *.safetensors, found %zu",
                       job->settings->folder, SCAN_MOST, count);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, &job->models, "models", error));
    for (job->count = 0; job->count < count;) {
        const size_t i = job->count++;
        TD_TRY(plan(job, &job->models[i], files[i], error));
    }
    return TD_OK;
}

static void tick(void *context, double share) {
    const scan_job *job = context;
    (void)share;
    tool_run_show(job->run, job->done, job->models[job->done].name);
}

static td_status run_all(scan_job *job, td_error *error) {
    tool_run_begin(job->run, "screening", "models", job->count);
    for (; job->done < job->count; job->done++) {
        step *s = &job->models[job->done].step;
        td_status status = s->done ? TD_OK : step_run(s, &job->all, INFINITY, tick, job, error);
        if (status == TD_ERR_INTERRUPTED)
            return td_fail(error, status,
                           "interrupted after %zu of %zu models; the same command goes on",
                           job->done, job->count);
        TD_TRY(status);
        if (s->failed)
            tool_run_note(job->run, "%s: %s", job->models[job->done].name, s->failed);
    }
    tool_run_end(job->run);
    return TD_OK;
}

/* --- the verdicts --- */

static void take(scanned *model) {
    const screened *found = model->step.done ? model->step.outcome : NULL;
    model->p = model->q = NAN;
    model->class = TOOL_NO_COUNT;
    model->flagged = -1;
    model->note = model->step.failed;
    if (!found)
        return;
    model->subject = found->subject;
    model->screen = found->screen;
    model->class = found->class;
    if (found->calibrated)
        model->p = found->p;
    else
        model->note = found->why;
}

/* What has no p stands behind; by name where two are alike. */
static int compare(const void *a, const void *b) {
    const scanned *x = a, *y = b;
    const double p = isnan(x->p) ? 2 : x->p, q = isnan(y->p) ? 2 : y->p;
    return p != q ? (p > q) - (p < q) : strcmp(x->name, y->name);
}

/* q of the k-th smallest p: the least of p·n/rank from there on (Benjamini and Hochberg,
 * "Controlling the false discovery rate", 1995). */
static size_t find_q(scan_job *job) {
    size_t judged = 0, flagged = 0;
    while (judged < job->count && !isnan(job->models[judged].p))
        judged++;
    double least = 1;
    for (size_t i = judged; i-- > 0;) {
        scanned *model = &job->models[i];
        least = fmin(least, model->p * (double)judged / (double)(i + 1));
        model->q = least;
        model->flagged = least <= job->settings->level;
        flagged += model->flagged > 0;
    }
    return flagged;
}

#define ROW(field) offsetof(scanned, field)

static const tool_column columns[] = {
    {"name", "model", TOOL_TEXT, ROW(name)},
    {"p", "p", TOOL_REAL, ROW(p), .digits = 4, .null = true},
    {"q", "q", TOOL_REAL, ROW(q), .digits = 4, .null = true},
    {"flagged", "", TOOL_FLAG, ROW(flagged), .flag = "FLAGGED"},
    {"subject", "stands out most", TOOL_TEXT, ROW(subject)},
    {"screen", "by", TOOL_TEXT, ROW(screen)},
    {"class", NULL, TOOL_COUNT, ROW(class)},
    {"note", "not judged", TOOL_TEXT, ROW(note)},
    {0},
};

static const tool_table_kind table = {
    .name = "scanned", .title = "Models", .columns = columns, .row = sizeof(scanned)};

static td_status report(scan_job *job, td_error *error) {
    for (size_t i = 0; i < job->count; i++)
        take(&job->models[i]);
    qsort(job->models, job->count, sizeof *job->models, compare);
    const size_t flagged = find_q(job);
    job->run->flagged = flagged > 0;
    TD_TRY(tool_run_rows(job->run, &table, NULL, job->models, job->count, error));
    return tool_run_summary(job->run, error, "%s: %zu of %zu models flagged, q at most %g",
                            job->settings->folder, flagged, job->count, job->settings->level);
}

static td_status scan(scan_job *job, td_error *error) {
    TD_TRY(steps_check_folder(job->run, record_name, NULL, error));
    TD_TRY(plan_all(job, error));
    TD_TRY(run_all(job, error));
    return report(job, error);
}

static td_status run(tool_run *run, td_error *error) {
    static const char *const own[] = {record_name, NULL};
    scan_job job = {
        .run = run, .settings = run->own, .all = {run, td_json_object(&run->record.json), own}};
    run->record_name = record_name;
    td_status status = scan(&job, error);
    for (size_t i = 0; i < job.count; i++) {
        run->failed |= job.models[i].step.failed != NULL;
        step_close(&job.models[i].step);
    }
    json_decref(job.all.digests);
    return status;
}

static const tool_family scans = {
    .name = "scan",
    .usage = "DIR --clean DATA --controls FILE -o OUT",
    .run = run,
    .output = TOOL_OUTPUT_FOLDER,
    .needs_output = true,
    .output_what = "the folder for the records",
};

static const char help[] =
    "Screens every model of a folder and sorts them by p. Of a thousand clean models, fifty have a "
    "p of 0.05 or less: q corrects for that, and of the models with q at most Q a share of Q or "
    "less is clean, in the mean."
    "\v"
    "OUT gets a folder for each model, with its record and what stands out as a picture, and "
    "scan.json. The same command goes on where an interrupted one was. A model that cannot be read "
    "is named, the others are still screened, and the exit status is 1.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend scan models --clean mnist:test:0-2000 \\\n"
    "    --controls controls/controls.json -o scanned\n";

const tool_method defend_scan = {
    .name = "scan",
    .title = "Scan",
    .doc = "screen every model of a folder",
    .help = help,
    .family = &scans,
    .groups = groups,
    .size = sizeof(scan_settings),
};
