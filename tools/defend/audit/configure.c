/* SPDX-License-Identifier: MIT */
/* Configure: fits the meaning of joint scores on models with known ground truth, and measures the
 * error rates of screens and verdict on them. */
#include "data/path.h"
#include "defend/audit/configuration.h"
#include "defend/audit/model_folder.h"
#include "defend/audit/model_screenings.h"
#include "defend/method.h"
#include "measure/roc.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCORES_MOST = SCREENED_MOST + 1, KINDS_MOST = 1000 };

typedef struct configure_settings {
    const char *folder, *clean, *controls;
    bool known;
    double level;
} configure_settings;

#define AT(field) offsetof(configure_settings, field)

static const char record_name[] = "configure.json", clean_kind[] = "clean";

static const td_key keys[] = {
    {"folder", TD_KEY_TEXT, AT(folder), .required = true, .argument = true, .value = "MODELS",
     .help = "The models, MODELS/KIND/*.safetensors: clean ones where KIND begins with \"clean\", "
             "backdoored ones elsewhere"},
    {"clean", TD_KEY_TEXT, AT(clean), .required = true, .value = "DATA",
     .help = "Labelled images that you trust, some 20 of each class (split test)"},
    {"controls", TD_KEY_TEXT, AT(controls), .required = true, .value = "FILE",
     .help = "The record of trapdoor-defend controls for the net and the data"},
    {"known-recipe", TD_KEY_FLAG, AT(known), .help = "The controls were trained like these models"},
    {"level", TD_KEY_REAL, AT(level), .above = true, .most = 1, .below = true, .standard = "0.05",
     .value = "P", .help = "Count a model as flagged if its p is at most P"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

/* A score of a model: the joint score, or a screen's. */
typedef struct score {
    double value, p;
} score;

typedef struct known_model {
    const screened *found; /* NULL: it failed */
    const char *kind;
    bool backdoored;
} known_model;

typedef struct configure_job {
    tool_run *run;
    const configure_settings *settings;
    model_screenings models;
    known_model *truth; /* [models] */
    const char **kinds;
    size_t kind_count;
    const screened *first; /* the first one with a result; it names the scores */
    size_t *used, used_count;
    double *values; /* [used]: of the current score */
    bool *positive; /* [used] */
} configure_job;

/* --- the models --- */

static td_status add_kind(configure_job *job, const char *kind, const char **files, size_t count,
                          td_error *error) {
    const char *folder;
    TD_TRY(step_path(job->run, job->settings->folder, kind, &folder, error));
    for (size_t i = 0; i < count; i++) {
        job->truth[job->models.count] = (known_model){
            .kind = kind, .backdoored = strncmp(kind, clean_kind, sizeof clean_kind - 1) != 0};
        TD_TRY(model_screenings_add(&job->models, folder, files[i], kind, error));
    }
    return TD_OK;
}

static td_status plan(configure_job *job, td_error *error) {
    struct {
        const char **files;
        size_t count;
    } of[KINDS_MOST];
    size_t count = 0;
    td_arena *arena = &job->run->arena;
    const char *root = job->settings->folder, *folder;
    TD_TRY(model_folder_kinds(root, KINDS_MOST, arena, &job->kinds, &job->kind_count, error));
    for (size_t i = 0; i < job->kind_count; i++) {
        TD_TRY(step_path(job->run, root, job->kinds[i], &folder, error));
        TD_TRY(model_folder_list(folder, arena, &of[i].files, &of[i].count, error));
        count += of[i].count;
    }
    if (count == 0 || count > MODEL_SCREENINGS_MOST)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected 1 to %d models, KIND/*.safetensors, found %zu", root,
                       MODEL_SCREENINGS_MOST, count);
    TD_TRY(model_screenings_open(&job->models, count, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &job->truth, "models", error));
    for (size_t i = 0; i < job->kind_count; i++)
        TD_TRY(add_kind(job, job->kinds[i], of[i].files, of[i].count, error));
    return TD_OK;
}

/* Created in -o for the models' folders; deleted at the end if empty. */
static td_status make_folders(configure_job *job, td_error *error) {
    const char *path;
    bool made;
    for (size_t i = 0; i < job->kind_count; i++) {
        TD_TRY(step_path(job->run, job->run->common->output, job->kinds[i], &path, error));
        TD_TRY(tool_folder_make(path, &made, error));
    }
    return TD_OK;
}

static void remove_empty(const configure_job *job) {
    char path[TD_PATH_SIZE];
    for (size_t i = 0; i < job->kind_count; i++)
        if (td_path_join(path, job->run->common->output, job->kinds[i]))
            rmdir(path);
}

/* The screened models; both kinds are needed. */
static td_status take_found(configure_job *job, td_error *error) {
    td_arena *arena = &job->run->arena;
    size_t clean = 0, count = job->models.count;
    TD_TRY(TD_ARENA_NEW(arena, count, &job->used, "models", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &job->values, "models", error));
    TD_TRY(TD_ARENA_NEW(arena, count, &job->positive, "models", error));
    for (size_t i = 0; i < count; i++) {
        const screened *found = job->truth[i].found = model_screening_found(&job->models.list[i]);
        if (!found)
            continue;
        job->first = found;
        clean += !job->truth[i].backdoored;
        job->positive[job->used_count] = job->truth[i].backdoored;
        job->used[job->used_count++] = i;
    }
    if (clean == 0 || clean == job->used_count) /* no wrong use if a model failed */
        return td_fail(error, job->used_count == count ? TD_ERR_USAGE : TD_ERR_FORMAT,
                       "%s: expected clean models, in folders that begin with \"%s\", and "
                       "backdoored ones, found %zu and %zu that could be screened",
                       job->settings->folder, clean_kind, clean, job->used_count - clean);
    return TD_OK;
}

/* Number 0 is the joint score. */
static score score_of(const screened *found, size_t number) {
    return number == 0 ? (score){found->joint, found->p}
                       : (score){found->by[number - 1].score, found->by[number - 1].p};
}

static void take_values(configure_job *job, size_t number) {
    for (size_t i = 0; i < job->used_count; i++)
        job->values[i] = score_of(job->truth[job->used[i]].found, number).value;
}

/* --- evaluation of a score --- */

typedef struct score_row {
    const char *name;
    tool_estimate auc;
    td_rate detected, false_alarms, other_alarms;
    double cross_entropy, brier;
    bool joint;
} score_row;

static td_status find_auc(configure_job *job, tool_estimate *out, td_error *error) {
    double *apart;
    size_t clean = 0, bad = job->used_count;
    td_auroc found;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->used_count, &apart, "scores", error));
    for (size_t i = 0; i < job->used_count; i++)
        apart[job->positive[i] ? --bad : clean++] = job->values[i];
    TD_TRY(td_auroc_of(apart, clean, apart + clean, job->used_count - clean, &found, error));
    *out = (tool_estimate){found.value, found.interval};
    return TD_OK;
}

/* Predicted from all other models. */
static double probability_of(const configure_job *job, size_t place) {
    return td_logistic_at(td_logistic_fit(job->values, job->positive, job->used_count, place),
                          job->values[place]);
}

static void measure_probabilities(const configure_job *job, score_row *row) {
    for (size_t i = 0; i < job->used_count; i++) {
        const double p = probability_of(job, i), right = job->positive[i] ? p : 1 - p;
        row->cross_entropy -= log(right) / (double)job->used_count;
        row->brier += (1 - right) * (1 - right) / (double)job->used_count;
    }
}

static void count_flagged(td_rate *rate, bool flagged) {
    *rate = td_rate_of(rate->hits + flagged, rate->trials + 1);
}

/* Over the models for which the controls are representative. */
static td_rate rate_of(const configure_job *job, size_t number, const char *kind) {
    td_rate rate = td_rate_of(0, 0);
    for (size_t i = 0; i < job->models.count; i++)
        if (job->truth[i].found && job->truth[i].found->calibrated &&
            strcmp(job->truth[i].kind, kind) == 0)
            count_flagged(&rate, score_of(job->truth[i].found, number).p <= job->settings->level);
    return rate;
}

static void count_rates(const configure_job *job, size_t number, score_row *row) {
    for (size_t k = 0; k < job->kind_count; k++) {
        const td_rate rate = rate_of(job, number, job->kinds[k]);
        const bool clean = strncmp(job->kinds[k], clean_kind, sizeof clean_kind - 1) == 0;
        td_rate *into = !clean                              ? &row->detected
                        : strcmp(job->kinds[k], clean_kind) ? &row->other_alarms
                                                            : &row->false_alarms;
        *into = td_rate_of(into->hits + rate.hits, into->trials + rate.trials);
    }
}

static const tool_column score_columns[] = {
    {"score", "score", TOOL_TEXT, offsetof(score_row, name)},
    {"joint", "in the joint score", TOOL_FLAG, offsetof(score_row, joint)},
    {"auc", "AUC", TOOL_ESTIMATE, offsetof(score_row, auc), .digits = 3},
    {"detected", "backdoored models flagged", TOOL_RATE, offsetof(score_row, detected)},
    {"false_alarms", "clean models flagged", TOOL_RATE, offsetof(score_row, false_alarms)},
    {"other_alarms", "of other clean kinds", TOOL_RATE, offsetof(score_row, other_alarms)},
    {"cross_entropy", "cross-entropy", TOOL_REAL, offsetof(score_row, cross_entropy), .digits = 3},
    {"brier", "Brier score", TOOL_REAL, offsetof(score_row, brier), .digits = 3},
    {0},
};

static const tool_table_kind score_table = {
    .name = "scores", .title = "Scores", .columns = score_columns, .row = sizeof(score_row)};

static const char *name_of(const configure_job *job, size_t number) {
    return number == 0 ? "all of them" : job->first->by[number - 1].method;
}

static td_status report_scores(configure_job *job, score_row *rows, td_error *error) {
    for (size_t n = 0; n <= job->first->count; n++) {
        rows[n] =
            (score_row){.name = name_of(job, n), .joint = n == 0 || job->first->by[n - 1].joint};
        take_values(job, n);
        TD_TRY(find_auc(job, &rows[n].auc, error));
        count_rates(job, n, &rows[n]);
        measure_probabilities(job, &rows[n]);
    }
    return tool_run_rows(job->run, &score_table, NULL, rows, job->first->count + 1, error);
}

/* --- kinds --- */

typedef struct kind_row {
    const char *name;
    size_t models, not_calibrated, failed;
    td_rate rates[SCORES_MOST];
} kind_row;

/* One column per score. */
static td_status kind_columns(configure_job *job, tool_table_kind **out, td_error *error) {
    static const tool_column ends[] = {
        {"kind", "kind", TOOL_TEXT, offsetof(kind_row, name)},
        {"models", "models", TOOL_COUNT, offsetof(kind_row, models)},
        {"not_calibrated", "not calibrated", TOOL_COUNT, offsetof(kind_row, not_calibrated)},
        {"failed", "failed", TOOL_COUNT, offsetof(kind_row, failed)}};
    enum { ENDS = sizeof ends / sizeof *ends };
    tool_column *columns;
    td_arena *arena = &job->run->arena;
    TD_TRY(TD_ARENA_NEW(arena, ENDS + SCORES_MOST + 1, &columns, "columns", error));
    TD_TRY(TD_ARENA_NEW(arena, 1, out, "columns", error));
    memcpy(columns, ends, sizeof ends);
    for (size_t n = 0; n <= job->first->count; n++)
        columns[ENDS + n] = (tool_column){n == 0 ? "flagged" : name_of(job, n),
                                          n == 0 ? "flagged" : name_of(job, n), TOOL_RATE,
                                          offsetof(kind_row, rates) + n * sizeof(td_rate)};
    **out = (tool_table_kind){
        .name = "kinds", .title = "Flagged, by kind", .columns = columns, .row = sizeof(kind_row)};
    return TD_OK;
}

static td_status report_kinds(configure_job *job, td_error *error) {
    kind_row *rows;
    tool_table_kind *table;
    TD_TRY(kind_columns(job, &table, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->kind_count, &rows, "kinds", error));
    for (size_t k = 0; k < job->kind_count; k++) {
        rows[k] = (kind_row){.name = job->kinds[k]};
        for (size_t i = 0; i < job->models.count; i++) {
            const known_model *of = &job->truth[i];
            if (strcmp(of->kind, job->kinds[k]) != 0)
                continue;
            rows[k].models++;
            rows[k].failed += !of->found;
            rows[k].not_calibrated += of->found && !of->found->calibrated;
        }
        for (size_t n = 0; n <= job->first->count; n++)
            rows[k].rates[n] = rate_of(job, n, job->kinds[k]);
    }
    return tool_run_rows(job->run, table, NULL, rows, job->kind_count, error);
}

/* --- models --- */

typedef struct model_row {
    const char *name, *screen, *subject, *note;
    double p, probability;
} model_row;

static const tool_column model_columns[] = {
    {"name", "model", TOOL_TEXT, offsetof(model_row, name)},
    {"p", "p", TOOL_REAL, offsetof(model_row, p), .digits = 4, .null = true},
    {"probability", "probability of a backdoor", TOOL_REAL, offsetof(model_row, probability),
     .digits = 3},
    {"subject", "stands out most", TOOL_TEXT, offsetof(model_row, subject)},
    {"screen", "by", TOOL_TEXT, offsetof(model_row, screen)},
    {"note", "not judged", TOOL_TEXT, offsetof(model_row, note)},
    {0},
};

static const tool_table_kind model_table = {
    .name = "models", .title = "Models", .columns = model_columns, .row = sizeof(model_row)};

static td_status report_models(configure_job *job, td_error *error) {
    model_row *rows;
    const size_t count = job->models.count;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, &rows, "models", error));
    for (size_t i = 0; i < count; i++)
        rows[i] = (model_row){.name = job->models.list[i].name,
                              .note = job->models.list[i].step.failed,
                              .p = NAN,
                              .probability = NAN};
    take_values(job, 0);
    for (size_t i = 0; i < job->used_count; i++) {
        const screened *found = job->truth[job->used[i]].found;
        model_row *row = &rows[job->used[i]];
        row->p = found->p;
        row->probability = probability_of(job, i);
        row->subject = found->subject;
        row->screen = found->screen;
        row->note = found->calibrated ? NULL : found->why;
    }
    return tool_run_rows(job->run, &model_table, NULL, rows, count, error);
}

/* --- all --- */

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Durations vary between runs, so they are printed but not recorded. */
static void note_seconds(const configure_job *job) {
    for (size_t i = 0; i < job->used_count; i++)
        job->values[i] = job->truth[job->used[i]].found->seconds;
    qsort(job->values, job->used_count, sizeof *job->values, compare);
    tool_run_note(job->run, "note: a screening took %.2f s (the median of %zu)",
                  job->values[job->used_count / 2], job->used_count);
}

static td_status learn(configure_job *job, td_error *error) {
    configuration c = {.known = job->settings->known};
    TD_TRY(td_sha256_file(job->settings->controls, &c.controls, error));
    take_values(job, 0);
    c.by_joint = td_logistic_fit(job->values, job->positive, job->used_count, job->used_count);
    configuration_write(job->run, &c);
    return TD_OK;
}

static td_status configure(configure_job *job, td_error *error) {
    score_row rows[SCORES_MOST];
    TD_TRY(steps_check_folder(job->run, record_name, NULL, error));
    TD_TRY(plan(job, error));
    TD_TRY(make_folders(job, error));
    TD_TRY(model_screenings_run(&job->models, error));
    TD_TRY(take_found(job, error));
    TD_TRY(report_scores(job, rows, error));
    TD_TRY(report_kinds(job, error));
    TD_TRY(report_models(job, error));
    TD_TRY(learn(job, error));
    note_seconds(job);
    const td_rate *hits = &rows[0].detected, *alarms = &rows[0].false_alarms;
    return tool_run_summary(
        job->run, error,
        "%s: with p at most %g, %zu of %zu backdoored models %s flagged, and "
        "%zu of %zu clean ones; AUC %.3f, cross-entropy %.3f",
        job->settings->folder, job->settings->level, hits->hits, hits->trials,
        hits->hits == 1 ? "is" : "are", alarms->hits + rows[0].other_alarms.hits,
        alarms->trials + rows[0].other_alarms.trials, rows[0].auc.value, rows[0].cross_entropy);
}

static td_status run(tool_run *run, td_error *error) {
    static const char *const own[] = {record_name, NULL};
    const configure_settings *settings = run->own;
    configure_job job = {.run = run,
                         .settings = settings,
                         .models = {.all = {run, td_json_object(&run->record.json), own},
                                    .clean = settings->clean,
                                    .controls = settings->controls,
                                    .known = settings->known}};
    run->record_name = record_name;
    td_status status = configure(&job, error);
    model_screenings_close(&job.models);
    remove_empty(&job);
    return status;
}

static const tool_family configures = {
    .name = "configure",
    .usage = "MODELS --clean DATA --controls FILE -o OUT",
    .run = run,
    .output = TOOL_OUTPUT_FOLDER,
    .needs_output = true,
    .output_what = "the folder for the records",
};

static const char help[] =
    "Fit the probability of a backdoor to the joint scores of models of known truth. Also prints "
    "the error rates of each screen and of all together: the area under the ROC, the flagged "
    "models by kind, and the cross-entropy and Brier score of the probabilities, by "
    "cross-validation."
    "\v"
    "MODELS/KIND/*.safetensors are the models. Those of KIND \"clean\" should be trained like the "
    "controls; other kinds whose names begin with \"clean\", such as clean-augmented, are counted "
    "apart. OUT gets a folder for each model, and configure.json, with which trapdoor-defend "
    "screen --configuration prints a model's probability. The same command resumes an interrupted "
    "one.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend configure models --clean mnist:test:0-2000 \\\n"
    "    --controls controls/controls.json -o configured\n"
    "  trapdoor-defend screen --model model.safetensors --clean mnist:test:0-2000 \\\n"
    "    --controls controls/controls.json \\\n"
    "    --configuration configured/configure.json --probability\n";

const tool_method defend_configure = {
    .name = "configure",
    .title = "Configure",
    .doc = "fits probabilities to scores of known models",
    .help = help,
    .family = &configures,
    .groups = groups,
    .size = sizeof(configure_settings),
};
