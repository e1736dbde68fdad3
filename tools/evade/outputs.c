/* The set, the picture and the record: all are completed before any is put into place. */
#include "evade/evade.h"

#include "data/png.h"
#include "frame/output.h"
#include <stdio.h>
#include <string.h>

static td_status name_checkpoint(evade_job *job, td_error *error) {
    static const char ending[] = ".checkpoint";
    const char *output = job->options->common.output;
    const size_t size = strlen(output) + sizeof ending;
    TD_TRY(TD_ARENA_NEW(&job->arena, size, &job->checkpoint_path, "a file name", error));
    snprintf(job->checkpoint_path, size, "%s%s", output, ending);
    return TD_OK;
}

td_status evade_check_outputs(evade_job *job, td_error *error) {
    const evade_options *o = job->options;
    TD_TRY(tool_record_check(&o->common, error));
    if (o->picture && strcmp(o->picture, o->common.output) == 0)
        return td_fail(error, TD_ERR_USAGE, "--picture: expected another file than -o's, found %s",
                       o->picture);
    TD_TRY(tool_output_try(&job->set, o->common.output, o->common.force, error));
    if (o->picture)
        TD_TRY(tool_output_try(&job->picture, o->picture, o->common.force, error));
    if (job->set.stream) /* a device */
        return TD_OK;
    TD_TRY(name_checkpoint(job, error));
    return evade_checkpoint_check(job, error);
}

static bool is_kept(const evade_task *task, evade_keep keep) {
    return keep == EVADE_KEEP_ALL || (keep == EVADE_KEEP_ATTACKED ? task->attacked : task->reached);
}

/* Moves what is kept to the front. The tasks no longer go with the images then. */
static void select_kept(evade_job *job, int32_t *labels) {
    const size_t size = td_image_size(&job->adversarial);
    size_t kept = 0;
    for (size_t i = 0; i < job->task_count; i++)
        if (is_kept(&job->tasks[i], job->options->keep)) {
            memmove(job->pixels + kept * size, job->pixels + i * size, size);
            labels[kept++] = job->adversarial.labels[i];
        }
    job->adversarial.count = kept;
    job->adversarial.labels = labels;
}

static td_status write_set(evade_job *job, td_error *error) {
    const evade_options *o = job->options;
    int32_t *labels;
    TD_TRY(tool_output_reopen(&job->set, o->common.output, o->common.force, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, job->task_count, &labels, "labels", error));
    select_kept(job, labels);
    if (job->adversarial.count == 0)
        return td_fail(error, TD_ERR_NUMERIC, "%s: --keep %s leaves no image to write",
                       job->set.path, evade_keep_names[o->keep]);
    TD_TRY(td_dataset_write(job->set.stream, &job->adversarial, job->data.class_names,
                            job->data.name, job->data.split, error));
    return td_output_finish(&job->set, error);
}

static td_status write_picture(evade_job *job, td_error *error) {
    const evade_options *o = job->options;
    td_bitmap bitmap;
    TD_TRY(tool_output_reopen(&job->picture, o->picture, o->common.force, error));
    TD_TRY(evade_draw(job, &bitmap, error));
    td_status status = td_png_write(job->picture.stream, &bitmap, error);
    td_bitmap_free(&bitmap);
    return status == TD_OK ? td_output_finish(&job->picture, error) : status;
}

static td_status write_record(evade_job *job, td_error *error) {
    const tool_common *common = &job->options->common;
    TD_TRY(tool_output_record(&job->set, &job->record, error));
    if (job->picture.path)
        TD_TRY(tool_output_record(&job->picture, &job->record, error));
    return tool_record_write(&job->record, common, error);
}

td_status evade_write(evade_job *job, td_error *error) {
    if (job->options->picture)
        TD_TRY(write_picture(job, error));
    TD_TRY(write_set(job, error));
    json_object_set_new(job->record.root, "written",
                        json_integer((json_int_t)job->adversarial.count));
    TD_TRY(write_record(job, error));
    TD_TRY(td_output_publish(&job->set, error));
    if (job->options->picture)
        TD_TRY(td_output_publish(&job->picture, error));
    return evade_checkpoint_remove(job, error);
}
