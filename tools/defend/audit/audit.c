/* Audit: every method that applies to a model that one was given, and a verdict. */
#include "defend/audit/audit.h"

#include "frame/clock.h"
#include "defend/method.h"
#include <string.h>

static const char *const same_run[] = {"method", "model", "net", "clean", NULL};

static void conclude(audit_job *job) {
    sighting sightings[AUDIT_STEPS];
    for (size_t i = 0; i < AUDIT_STEPS; i++) {
        const audit_step *s = &job->steps[i];
        const bool judged = s->row->sight != SIGHT_MODEL || s->found.judged;
        sightings[i] = (sighting){.sight = s->row->sight,
                                  .worth = s->row->worth,
                                  .whole = s->step.done && !s->step.cut && judged,
                                  .classes = s->classes,
                                  .class_count = s->class_count,
                                  .inputs = s->inputs};
    }
    job->conclusion = verdict_on(&job->accuracy, job->chance, sightings, AUDIT_STEPS);
}

static td_status open_all(audit_job *job, td_error *error) {
    const audit_options *o = job->options;
    TD_TRY(tool_record_check(&o->common, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-defend", &o->common, audit_options_json(o),
                             error));
    TD_TRY(run_folder_check(&job->folder, json_object_get(job->record.root, "options"), error));
    TD_TRY(audit_open(job, error));
    TD_TRY(audit_name_sample(job, error));
    TD_TRY(audit_plan(job, error));
    TD_TRY(audit_read_rates(job, error));
    TD_TRY(run_folder_make(&job->folder, error));
    return audit_draw_sample(job, error);
}

static td_status run(audit_job *job, td_error *error) {
    job->deadline = tool_monotonic_seconds() + 60 * job->options->minutes;
    TD_TRY(open_all(job, error));
    TD_TRY(audit_measure(job, error));
    if (verdict_is_plausible(&job->accuracy, job->chance)) {
        TD_TRY(audit_run_steps(job, error));
        TD_TRY(audit_read(job, error));
    }
    conclude(job);
    audit_list_limits(job);
    TD_TRY(audit_tell(job, error));
    return run_folder_write(&job->folder, &job->record, error);
}

/* Whether a step failed. */
static bool close_all(audit_job *job) {
    bool failed = false;
    for (size_t i = 0; i < AUDIT_STEPS; i++) {
        failed |= job->steps[i].failed != NULL;
        json_decref(job->steps[i].record);
        step_free(&job->steps[i].step);
    }
    run_folder_unmake(&job->folder);
    json_decref(job->evidence);
    json_decref(job->limits);
    json_decref(job->pictures);
    json_decref(job->run.digests);
    td_model_free(&job->model);
    td_dataset_close(&job->clean);
    tool_record_free(&job->record);
    td_arena_free(&job->arena);
    return failed;
}

static int audit(int argc, char **argv) {
    audit_options options;
    td_error error;
    audit_options_parse(&options, argc, argv);
    audit_job job = {.options = &options,
                     .run = {&options.common, json_object()},
                     .folder = {&options.common, "audit.json", same_run, false},
                     .evidence = json_array(),
                     .limits = json_array(),
                     .pictures = json_array()};
    const int status = tool_exit(run(&job, &error), &error);
    const bool flagged = job.conclusion.verdict >= VERDICT_SUSPECTED;
    const bool failed = close_all(&job);
    if (status == 0 && flagged && options.exit_code)
        return TOOL_EXIT_FLAGGED;
    return status == 0 && failed ? 1 : status;
}

const tool_method defend_audit = {
    .name = "audit",
    .doc = "a model that you were given: all methods, a verdict",
    .legacy = &(const tool_legacy){.main = audit},
};
