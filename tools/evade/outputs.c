/* The set, the picture and the record: all are completed before any is put into place. */
#include "evade/evade.h"

#include "data/png.h"
#include <stdio.h>
#include <string.h>

td_status evade_check_outputs(evade_job *job, td_error *error) {
    const evade_options *o = job->options;
    TD_TRY(tool_record_check(&o->common, error));
    if (o->picture && strcmp(o->picture, o->common.output) == 0)
        return td_fail(error, TD_ERR_USAGE, "--picture: expected another file than -o's, found %s",
                       o->picture);
    TD_TRY(td_output_open(&job->set, o->common.output, o->common.force, error));
    return o->picture ? td_output_open(&job->picture, o->picture, o->common.force, error) : TD_OK;
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
    int32_t *labels;
    TD_TRY(TD_ARENA_NEW(&job->arena, job->task_count, &labels, "labels", error));
    select_kept(job, labels);
    if (job->adversarial.count == 0)
        return td_fail(error, TD_ERR_NUMERIC, "%s: --keep %s leaves no image to write",
                       job->set.path, evade_keep_names[job->options->keep]);
    TD_TRY(td_dataset_write(job->set.stream, &job->adversarial, job->data.class_names,
                            job->data.name, job->data.split, error));
    return td_output_finish(&job->set, error);
}

static td_status write_picture(evade_job *job, td_error *error) {
    td_bitmap bitmap;
    TD_TRY(evade_draw(job, &bitmap, error));
    td_status status = td_png_write(job->picture.stream, &bitmap, error);
    td_bitmap_free(&bitmap);
    return status == TD_OK ? td_output_finish(&job->picture, error) : status;
}

/* A name in the record does not say where the user put the file; a device is no output to keep. */
static td_status record_output(evade_job *job, const td_output *output, td_error *error) {
    const char *slash = strrchr(output->path, '/');
    return output->temporary ? tool_record_output(&job->record, slash ? slash + 1 : output->path,
                                                  output->temporary, error)
                             : TD_OK;
}

static td_status write_record(evade_job *job, td_error *error) {
    const tool_common *common = &job->options->common;
    TD_TRY(record_output(job, &job->set, error));
    if (job->picture.path)
        TD_TRY(record_output(job, &job->picture, error));
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
    return job->options->picture ? td_output_publish(&job->picture, error) : TD_OK;
}
