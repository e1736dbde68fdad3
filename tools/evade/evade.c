#include "evade/evade.h"

#include "frame/net_source.h"
#include "frame/predict.h"
#include <stdio.h>
#include <string.h>

td_status evade_predict(evade_job *job, const td_images *images, const char *what, td_arena *arena,
                        float **logits, td_error *error) {
    tool_pass pass = tool_pass_start(what, images->count, job->options->common.quiet);
    td_status status =
        tool_predict(&job->model.net, job->model.weights, images, &pass, arena, logits, error);
    tool_pass_end(&pass);
    return status;
}

/* The attack on all tasks, batch by batch. */
typedef struct campaign {
    evade_job *job;
    evade_net net;
    tool_progress progress;
    size_t done; /* tasks of this run's earlier batches */
    size_t chosen[EVADE_BATCH];
    float *clean;
    int32_t labels[EVADE_BATCH], targets[EVADE_BATCH];
    uint32_t numbers[EVADE_BATCH];
    uint8_t *out;
} campaign;

static bool attack_watch(void *context, size_t finished) {
    campaign *c = context;
    tool_progress_update(&c->progress, c->done + finished, NULL);
    return !tool_interrupted();
}

static void take_up(campaign *c, size_t slot, size_t number) {
    const evade_job *job = c->job;
    const evade_task *task = &job->tasks[number];
    const uint8_t *pixels = td_image(&job->data.images, task->image);
    const size_t size = c->net.size;
    c->chosen[slot] = number;
    c->labels[slot] = job->data.images.labels[task->image];
    c->targets[slot] = task->target;
    c->numbers[slot] = (uint32_t)(job->data.first + task->image);
    memcpy(c->out + slot * size, pixels, size);
    for (size_t i = 0; i < size; i++)
        c->clean[slot * size + i] = pixels[i];
}

static td_status attack_batch(campaign *c, size_t count, td_error *error) {
    evade_job *job = c->job;
    const size_t size = c->net.size;
    evade_batch batch = {.net = &c->net,
                         .settings = job->options->settings,
                         .seed = job->options->common.seed,
                         .shape = td_net_input(&job->model.net),
                         .count = count,
                         .clean = c->clean,
                         .labels = c->labels,
                         .targets = c->targets,
                         .numbers = c->numbers,
                         .out = c->out,
                         .watch = attack_watch,
                         .context = c};
    evade_batch_restart(&batch);
    td_status status = job->options->method->attack(&batch, error);
    td_arena_free(&batch.arena);
    if (status != TD_OK)
        return status;
    for (size_t slot = 0; slot < count; slot++)
        memcpy(job->pixels + c->chosen[slot] * size, c->out + slot * size, size);
    c->done += count;
    job->finished += count;
    job->queries = c->net.queries;
    job->gradients = c->net.gradients;
    return evade_checkpoint_write(job, error);
}

static td_status attack_all(campaign *c, td_error *error) {
    const evade_job *job = c->job;
    const size_t at_once = job->options->method->at_once;
    size_t slot = 0, earlier = job->finished;
    TD_TRY(TD_ARENA_NEW(&c->job->arena, at_once * c->net.size, &c->clean, "a batch", error));
    TD_TRY(TD_ARENA_NEW(&c->job->arena, at_once * c->net.size, &c->out, "a batch", error));
    for (size_t i = 0; i < job->task_count; i++) {
        if (!job->tasks[i].attacked)
            continue;
        if (earlier > 0) {
            earlier--;
            continue;
        }
        take_up(c, slot++, i);
        if (slot == at_once) {
            TD_TRY(attack_batch(c, slot, error));
            slot = 0;
        }
    }
    return slot > 0 ? attack_batch(c, slot, error) : TD_OK;
}

/* The images as they are at first, with their labels. */
static td_status prepare(evade_job *job, td_error *error) {
    const td_images *images = &job->data.images;
    int32_t *labels;
    TD_TRY(td_arena_alloc(&job->arena, job->task_count, td_image_size(images),
                          (void **)&job->pixels, "the adversarial images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, job->task_count, &labels, "labels", error));
    for (size_t i = 0; i < job->task_count; i++) {
        labels[i] = images->labels[job->tasks[i].image];
        memcpy(job->pixels + i * td_image_size(images), td_image(images, job->tasks[i].image),
               td_image_size(images));
        job->attacked += job->tasks[i].attacked;
    }
    job->adversarial = *images;
    job->adversarial.count = job->task_count;
    job->adversarial.pixels = job->pixels;
    job->adversarial.labels = labels;
    return TD_OK;
}

static td_status attack(evade_job *job, td_error *error) {
    const bool quiet = job->options->common.quiet;
    campaign c = {.job = job};
    TD_TRY(evade_net_open(&c.net, &job->model.net, job->model.weights,
                          job->options->method->gradients, error));
    c.net.queries = job->queries;
    c.net.gradients = job->gradients;
    if (job->finished > 0 && !quiet)
        fprintf(stderr, "goes on from image %zu/%zu\n", job->finished, job->attacked);
    c.progress = tool_progress_start(job->options->method->name, "images",
                                     job->attacked - job->finished, quiet);
    td_status status = attack_all(&c, error);
    tool_progress_end(&c.progress);
    evade_net_close(&c.net);
    return status;
}

static td_status load(evade_job *job, td_error *error) {
    const evade_options *o = job->options;
    TD_TRY(td_dataset_open(&job->data, o->data, "test", o->common.data_dir, error));
    TD_TRY(tool_record_dataset(&job->record, &job->data, error));
    TD_TRY(tool_record_input(&job->record, o->model, error));
    return tool_model_open(&job->model, o->model, o->net, &job->data.images, error);
}

static td_status run(evade_job *job, td_error *error) {
    const evade_options *o = job->options;
    float *logits;
    TD_TRY(evade_check_outputs(job, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-evade", &o->common, evade_options_json(o),
                             error));
    TD_TRY(load(job, error));
    td_status status =
        evade_predict(job, &job->data.images, "clean images", &job->arena, &logits, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", o->model);
    TD_TRY(evade_tasks(job, logits, error));
    TD_TRY(prepare(job, error));
    TD_TRY(evade_checkpoint_load(job, error));
    if ((status = attack(job, error)) == TD_OK && (status = evade_measure(job, error)) == TD_OK)
        status = evade_write(job, error);
    return status == TD_OK ? TD_OK : evade_checkpoint_keep(job, status, error);
}

td_status evade_run(const evade_options *options, td_error *error) {
    evade_job job = {.options = options};
    td_status status = run(&job, error);
    td_output_discard(&job.set);
    td_output_discard(&job.picture);
    json_decref(job.identity);
    tool_record_free(&job.record);
    td_model_free(&job.model);
    td_dataset_close(&job.data);
    td_arena_free(&job.arena);
    return status;
}
