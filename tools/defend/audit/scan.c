/* SPDX-License-Identifier: MIT */
/* Scan: screens every model in a folder, and reports which stand out, corrected for the number of
 * models. */
#include "base/size.h"
#include "data/path.h"
#include "defend/audit/model_folder.h"
#include "defend/audit/model_screenings.h"
#include "defend/audit/part.h"
#include "defend/method.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct scan_settings {
    const char *folder, *clean, *controls, *part;
    bool known, exit_code;
    double level;
} scan_settings;

#define AT(field) offsetof(scan_settings, field)

static const char record_name[] = "scan.json";

static const td_key keys[] = {
    {"folder", TD_KEY_TEXT, AT(folder), .required = true, .argument = true, .value = "DIR",
     .help = "The folder with the models: *.safetensors, *.onnx, *.pt, *.pth"},
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Labelled images that you trust, some 20 of each class (split test)"},
    {"controls", TD_KEY_TEXT, AT(controls), .value = "FILE",
     .help = "The record of trapdoor-defend controls for the net and the data; without it those "
             "that come with the program, for each model's own net"},
    {"known-recipe", TD_KEY_FLAG, AT(known), .help = "The controls were trained like these models"},
    {"level", TD_KEY_REAL, AT(level), .above = true, .most = 1, .below = true, .standard = "0.1",
     .value = "Q",
     .help = "Flag models with q at most Q; about a share of Q of the flagged ones is clean"},
    {"part", TD_KEY_TEXT, AT(part), .unrecorded = true, .value = "K/N",
     .help = "Screen only part K of N, on one of several machines; a run without it gathers all"},
    {"exit-code", TD_KEY_FLAG, AT(exit_code), .unrecorded = true,
     .help = "Exit with 3 if a model is flagged"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

typedef struct scanned {
    const char *name, *subject, *screen, *note;
    double p, q;
    size_t class;
    signed char flagged;
} scanned;

typedef struct scan_job {
    tool_run *run;
    const scan_settings *settings;
    model_screenings models;
} scan_job;

static td_status plan(scan_job *job, td_error *error) {
    const char **files, *folder = job->settings->folder;
    size_t count, begin, end;
    if (!td_path_is_folder(folder))
        return td_fail(error, TD_ERR_USAGE, "%s: expected a folder with models, found %s", folder,
                       td_path_exists(folder) ? "a file" : "none of this name");
    TD_TRY(model_folder_list(folder, &job->run->arena, &files, &count, error));
    if (count == 0 || count > MODEL_SCREENINGS_MOST)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a folder with 1 to %d models, *.safetensors, *.onnx, *.pt or "
                       "*.pth, found %zu",
                       folder, MODEL_SCREENINGS_MOST, count);
    TD_TRY(part_read(job->settings->part, count, &begin, &end, error));
    TD_TRY(model_screenings_open(&job->models, end - begin, error));
    for (size_t i = begin; i < end; i++)
        TD_TRY(model_screenings_add(&job->models, folder, files[i], NULL, error));
    return TD_OK;
}

/* --- the verdicts --- */

static scanned row_of(const model_screening *model) {
    const screened *found = model_screening_found(model);
    scanned row = {.name = model->name,
                   .note = model->step.failed,
                   .p = NAN,
                   .q = NAN,
                   .class = TOOL_NO_COUNT,
                   .flagged = -1};
    if (!found)
        return row;
    if (!found->judged) {
        row.note = "no controls of its net and set come with the program";
        return row;
    }
    row.subject = found->subject;
    row.screen = found->screen;
    row.class = found->class;
    if (found->calibrated)
        row.p = found->p;
    else
        row.note = found->why;
    return row;
}

/* Models without p come last; ties by name. */
static int compare(const void *a, const void *b) {
    const scanned *x = a, *y = b;
    const double p = isnan(x->p) ? 2 : x->p, q = isnan(y->p) ? 2 : y->p;
    return p != q ? (p > q) - (p < q) : strcmp(x->name, y->name);
}

/* q of the k-th smallest p: the least of p·n/rank from there on (Benjamini and Hochberg,
 * "Controlling the false discovery rate", 1995). */
static size_t find_q(scanned *rows, size_t count, double level) {
    size_t judged = 0, flagged = 0;
    while (judged < count && !isnan(rows[judged].p))
        judged++;
    double least = 1;
    for (size_t i = judged; i-- > 0;) {
        least = fmin(least, rows[i].p * (double)judged / (double)(i + 1));
        rows[i].q = least;
        rows[i].flagged = least <= level;
        flagged += rows[i].flagged > 0;
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

/* If there are too few controls for one model alone to be flagged among so many. */
static void note_least(const scan_job *job, const scanned *rows, size_t count) {
    size_t judged = 0, controls = 0;
    for (size_t i = 0; i < count; i++) {
        const screened *found = model_screening_found(&job->models.list[i]);
        judged += !isnan(rows[i].p);
        if (found && found->judged)
            controls = td_size_max(controls, found->controls);
    }
    if (judged == 0)
        return;
    const double models = (double)controls + 1, level = job->settings->level;
    /* k models of the least p among all judged have q = judged / (k models). */
    const double needed = ceil((double)judged / (models * level) - 1e-9);
    if (needed > (double)judged)
        tool_run_note(job->run,
                      "note: with %.0f controls the least p is %.3g: nothing can be flagged at a q "
                      "of %g",
                      models - 1, 1 / models, level);
    else if (needed > 1)
        tool_run_note(
            job->run,
            "note: with %.0f controls the least p is %.3g: of %zu models %.0f must have it "
            "to be flagged at a q of %g",
            models - 1, 1 / models, judged, needed, level);
}

static td_status report(scan_job *job, td_error *error) {
    const size_t count = job->models.count;
    scanned *rows;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, &rows, "models", error));
    for (size_t i = 0; i < count; i++)
        rows[i] = row_of(&job->models.list[i]);
    qsort(rows, count, sizeof *rows, compare);
    const size_t flagged = find_q(rows, count, job->settings->level);
    job->run->flagged = flagged > 0;
    if (!job->settings->controls)
        tool_run_note(job->run, "note: the models are judged beside the controls that come with "
                                "the program; each record names its own");
    note_least(job, rows, count);
    TD_TRY(tool_run_rows(job->run, &table, NULL, rows, count, error));
    return tool_run_summary(job->run, error, "%s: %zu of %zu models flagged, q at most %g",
                            job->settings->folder, flagged, count, job->settings->level);
}

static td_status scan(scan_job *job, td_error *error) {
    const scan_settings *s = job->settings;
    TD_TRY(steps_check_folder(job->run, record_name, NULL, error));
    TD_TRY(plan(job, error));
    TD_TRY(model_screenings_run(&job->models, error));
    return s->part ? tool_run_summary(job->run, error,
                                      "%s: part %s is screened; a run without --part gathers all",
                                      s->folder, s->part)
                   : report(job, error);
}

static td_status run(tool_run *run, td_error *error) {
    static const char *const own[] = {record_name, NULL};
    const scan_settings *settings = run->own;
    scan_job job = {.run = run,
                    .settings = settings,
                    .models = {.all = {run, td_json_object(&run->record.json), own},
                               .clean = settings->clean,
                               .controls = settings->controls,
                               .known = settings->known}};
    run->record_name = settings->part ? NULL : record_name;
    td_status status = scan(&job, error);
    model_screenings_close(&job.models);
    return status;
}

static const tool_family scans = {
    .name = "scan",
    .usage = "DIR --clean DATA -o OUT",
    .run = run,
    .output = TOOL_OUTPUT_FOLDER,
    .part = "part",
    .needs_output = true,
    .output_what = "the folder for the records",
};

static const char help[] =
    "Screen every model of a folder and sort the models by p. Of a thousand clean models, fifty "
    "have a p of 0.05 or less; q corrects for that: of the models with q at most Q, on average a "
    "share of Q or less is clean."
    "\v"
    "OUT gets a folder for each model, with its record and a picture of what stands out, and "
    "scan.json. The same command resumes an interrupted one. A model that cannot be read is "
    "named, the others are still screened, and the exit status is 1.\n"
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
