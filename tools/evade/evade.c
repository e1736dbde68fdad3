/* SPDX-License-Identifier: MIT */
/* The family of attacks: their common settings, and a run. */
#include "evade/evade.h"
#include "base/size.h"
#include "frame/classes.h"
#include "frame/identity.h"
#include "frame/net_source.h"
#include "frame/picture.h"
#include "frame/predict.h"
#include <math.h>
#include <string.h>

#define AT(field) offsetof(evade_settings, field)

/* --- settings --- */

static const char *const keep_names[] = {[EVADE_KEEP_ALL] = "all",
                                         [EVADE_KEEP_ATTACKED] = "attacked",
                                         [EVADE_KEEP_SUCCESSFUL] = "successful",
                                         NULL};

static const td_key keys[] = {
    {"model", TD_KEY_TEXT, AT(model), .required = true, .value = "MODEL",
     .help = "The model to attack"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help = "The net of a model that does not name it, such as a state_dict: one of the zoo, or "
             "a file with a net text"},
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Images to attack: NAME or PATH, with :SPLIT and :A-B (split test)"},
    {"count", TD_KEY_COUNT, AT(count), .least = 1, .most = INFINITY, .value = "N",
     .help = "Stop after N attacked images; the rest of DATA is left out"},
    {"keep", TD_KEY_WORD, AT(keep), .words = keep_names, .standard = "all",
     .value = "all|attacked|successful",
     .help = "Images of SET: all of DATA, with those not attacked unchanged; the attacked ones; "
             "or those whose attack succeeded"},
    {"picture", TD_KEY_TEXT, AT(picture), .unrecorded = true, .value = "FILE",
     .help = "Write a PNG with samples: clean, adversarial, and the difference amplified"},
    {"resume", TD_KEY_FLAG, AT(resume), .unrecorded = true,
     .help = "Resume from SET.checkpoint if it exists"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

#define TARGET_KEY(default_text)                                                                   \
    {                                                                                              \
        .name = "target", .kind = TD_KEY_TEXT, .offset = offsetof(evade_own, target),              \
        .standard = default_text, .value = "K|next|least-likely|all|none",                         \
        .help = "The wanted class: K (a name or an index), the one after the image's own, "        \
                "the least likely one, each other class in turn, or any but its own"               \
    }

const td_key evade_target_none[] = {TARGET_KEY("none"), {0}};
const td_key evade_target_next[] = {TARGET_KEY("next"), {0}};

static void read_target(evade_own *own, evade_settings *s) {
    static const struct {
        const char *name;
        evade_aim aim;
    } words[] = {{"none", EVADE_ANYWHERE},
                 {"next", EVADE_TO_NEXT},
                 {"least-likely", EVADE_TO_LEAST},
                 {"all", EVADE_TO_ALL}};
    for (size_t i = 0; own->target && i < sizeof words / sizeof *words; i++)
        if (strcmp(own->target, words[i].name) == 0) {
            s->aim = words[i].aim;
            return;
        }
    if (!own->target)
        return;
    while (td_key_class_is_number(own->target) && *own->target == '0' && own->target[1] != '\0')
        own->target++; /* one record for 3 and 03 */
    s->aim = EVADE_TO_CLASS;
    s->target = own->target;
}

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    evade_settings *s = family;
    const attack *math = settings->method->math;
    read_target(settings->own, s);
    if (math->targeted && s->aim == EVADE_ANYWHERE)
        return td_fail(error, TD_ERR_USAGE, "expected a target, found --target none");
    if (s->picture && strcmp(s->picture, settings->common.output) == 0)
        return td_fail(error, TD_ERR_USAGE, "--picture: expected another file than -o's, found %s",
                       s->picture);
    return TD_OK;
}

/* --- a run --- */

static td_status open_inputs(evade_job *job, td_error *error) {
    const evade_settings *s = job->settings;
    tool_run *run = job->run;
    TD_TRY(tool_run_dataset(run, s->data, "test", &job->data, error));
    TD_TRY(tool_run_open_model(run, s->model, s->net, &job->data.images, &job->model, error));
    TD_TRY(tool_run_model_classes(run, &job->model, s->model, error));
    return tool_run_match(run, &job->data, error);
}

/* Everything that determines the bytes of the adversarial images: the settings one by one, so that
 * a message can name the difference, and digests of the inputs. The caller owns *out. */
static td_status identify(const evade_job *job, json_t **out, td_error *error) {
    const td_model *model = &job->model;
    const td_images *images = &job->data.images;
    const size_t bytes = model->net.weight_count * sizeof *model->weights;
    td_json json;
    TD_TRY(tool_identity_start(&job->run->record, &model->net, &json, out, error));
    td_json_update(&json, *out, json_object_get(*out, "settings"));
    json_object_del(*out, "settings");
    json_object_del(*out, "keep"); /* chooses among the images, after the attack */
    td_json_set(&json, *out, "model", tool_digest(&json, model->weights, bytes));
    td_json_set(&json, *out, "data", tool_images_digest(&json, images));
    td_json_set(&json, *out, "data_classes", td_json_count(&json, images->classes));
    /* Random draws use the index in the whole split. */
    td_json_set(&json, *out, "data_first", td_json_count(&json, job->data.first));
    return td_json_end(&json, out, "the checkpoint's metadata", error);
}

/* Starts with the clean images, and those in a checkpoint. */
static td_status start_work(evade_job *job, td_error *error) {
    const td_images *images = &job->data.images;
    const size_t size = td_image_size(images);
    td_arena *arena = &job->run->arena;
    TD_TRY(td_arena_alloc(arena, job->task_count, size, (void **)&job->pixels,
                          "the adversarial images", error));
    TD_TRY(TD_ARENA_NEW(arena, job->task_count, &job->labels, "labels", error));
    for (size_t i = 0; i < job->task_count; i++) {
        memcpy(job->pixels + i * size, td_image(images, job->tasks[i].image), size);
        job->labels[i] = images->labels[job->tasks[i].image];
    }
    TD_TRY(identify(job, &job->checkpoint.identity, error));
    return evade_checkpoint_open(job, error);
}

/* Adds the image of a task to the batch. */
static void take_up(evade_batch *batch, const evade_job *job, size_t number) {
    const evade_task *task = &job->tasks[number];
    const uint8_t *pixels = td_image(&job->data.images, task->image);
    const size_t size = batch->net->size, slot = batch->count++;
    batch->labels[slot] = job->labels[number];
    batch->targets[slot] = task->target;
    batch->numbers[slot] = (uint32_t)(job->data.first + task->image);
    memcpy(batch->out + slot * size, pixels, size);
    for (size_t i = 0; i < size; i++)
        batch->clean[slot * size + i] = pixels[i];
}

/* Attacks the batch, whose images belong to `tasks`, and empties it. */
static td_status attack_batch(evade_job *job, evade_batch *batch, const size_t *tasks,
                              td_error *error) {
    const size_t size = batch->net->size;
    evade_batch_restart(batch);
    td_status status = job->attack->run(batch, error);
    td_arena_free(&batch->arena);
    if (status != TD_OK)
        return status;
    for (size_t slot = 0; slot < batch->count; slot++)
        memcpy(job->pixels + tasks[slot] * size, batch->out + slot * size, size);
    job->finished += batch->count;
    job->queries = batch->net->queries;
    job->gradients = batch->net->gradients;
    batch->before += batch->count;
    batch->count = 0;
    return evade_checkpoint_write(job, error);
}

static td_status attack_all(evade_job *job, evade_net *net, td_error *error) {
    tool_run *run = job->run;
    const size_t at_once = job->attack->at_once, earlier = job->finished;
    evade_batch batch = {.net = net,
                         .settings = run->own,
                         .seed = run->common->seed,
                         .shape = td_net_input(&job->model.net),
                         .run = run};
    size_t tasks[EVADE_BATCH], seen = 0;
    TD_TRY(TD_ARENA_NEW(&run->arena, at_once * net->size, &batch.clean, "a batch", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, at_once * net->size, &batch.out, "a batch", error));
    for (size_t i = 0; seen < job->attacked; i++) {
        if (!job->tasks[i].attacked || seen++ < earlier)
            continue;
        tasks[batch.count] = i;
        take_up(&batch, job, i);
        if (batch.count == at_once || seen == job->attacked)
            TD_TRY(attack_batch(job, &batch, tasks, error));
    }
    return TD_OK;
}

static td_status attack_images(evade_job *job, td_error *error) {
    tool_run *run = job->run;
    const td_model *model = &job->model;
    evade_net net;
    TD_TRY(evade_net_open(&net, &model->net, model->weights, job->attack->gradients, error));
    net.queries = job->queries;
    net.gradients = job->gradients;
    if (job->finished > 0)
        tool_run_note(run, "note: resuming from image %zu of %zu", job->finished, job->attacked);
    tool_run_begin(run, run->method->name, "images", job->attacked - job->finished);
    td_status status = attack_all(job, &net, error);
    tool_run_end(run);
    evade_net_close(&net);
    return evade_checkpoint_keep(job, status, error);
}

static td_status predict(evade_job *job, const td_images *images, const char *what, float **logits,
                         td_error *error) {
    tool_pass pass = tool_run_pass(job->run, what, images->count);
    td_status status = tool_predict(&job->model.net, job->model.weights, images, &pass,
                                    &job->run->arena, logits, error);
    tool_pass_end(&pass);
    return status;
}

static bool is_kept(const evade_job *job, size_t number) {
    const int keep = job->settings->keep;
    return keep == EVADE_KEEP_ALL ||
           (keep == EVADE_KEEP_ATTACKED ? job->tasks[number].attacked : job->reached[number]);
}

/* Moves the kept images to the front; tasks no longer match images afterwards. */
static td_status write_set(evade_job *job, td_images *images, td_error *error) {
    tool_run *run = job->run;
    const char *path = run->common->output;
    const size_t size = td_image_size(images);
    FILE *stream;
    images->count = 0;
    for (size_t i = 0; i < job->task_count; i++)
        if (is_kept(job, i)) {
            memmove(job->pixels + images->count * size, job->pixels + i * size, size);
            job->labels[images->count++] = job->labels[i];
        }
    if (images->count == 0)
        return td_fail(error, TD_ERR_NUMERIC, "%s: --keep %s leaves no image to write", path,
                       keep_names[job->settings->keep]);
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    TD_TRY(td_name_stream(error,
                          td_dataset_write(stream, images, job->data.class_names, job->data.name,
                                           job->data.split, error),
                          stream, path));
    tool_run_set(run, "written", "z", images->count);
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

enum { SAMPLES = 10 };

/* Draws evenly spaced successes or, if there are none, the first images. */
static td_status draw_samples(const evade_job *job, td_bitmap *bitmap, td_error *error) {
    const td_images *images = &job->data.images;
    tool_sample samples[SAMPLES];
    size_t successes = 0, seen = 0, rows = 0;
    for (size_t i = 0; i < job->task_count; i++)
        successes += job->reached[i];
    const bool all = successes == 0;
    const size_t from = all ? job->task_count : successes, most = td_size_min(SAMPLES, from);
    for (size_t i = 0; i < job->task_count && rows < most; i++)
        if ((all || job->reached[i]) && seen++ == rows * from / most)
            samples[rows++] = (tool_sample){td_image(images, job->tasks[i].image),
                                            job->pixels + i * td_image_size(images), job->labels[i],
                                            job->predicted[i]};
    return tool_samples_draw(bitmap, &job->data, samples, rows, TD_DIFFERENCE_SIGNED, error);
}

static td_status conclude(evade_job *job, td_error *error) {
    const char *picture = job->settings->picture;
    td_images images = job->data.images;
    td_bitmap bitmap = {0};
    float *logits;
    images.count = job->task_count;
    images.pixels = job->pixels;
    images.labels = job->labels;
    TD_TRY(predict(job, &images, "adversarial images", &logits, error));
    TD_TRY(evade_measure(job, logits, error));
    if (picture) /* before images are moved */
        TD_TRY(draw_samples(job, &bitmap, error));
    td_status status = write_set(job, &images, error);
    if (status == TD_OK && picture)
        return tool_run_picture(job->run, picture, false, &bitmap, error);
    td_bitmap_free(&bitmap);
    return status;
}

static td_status run_job(evade_job *job, td_error *error) {
    tool_run *run = job->run;
    float *logits;
    if (job->settings->picture)
        TD_TRY(tool_outputs_check(&run->outputs, job->settings->picture, error));
    TD_TRY(evade_checkpoint_name(job, error));
    TD_TRY(open_inputs(job, error));
    td_status status = predict(job, &job->data.images, "clean images", &logits, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->settings->model);
    TD_TRY(evade_plan(job, logits, error));
    TD_TRY(start_work(job, error));
    TD_TRY(attack_images(job, error));
    TD_TRY(conclude(job, error));
    return job->checkpoint.path ? tool_outputs_supersede(&run->outputs, job->checkpoint.path, error)
                                : TD_OK;
}

static td_status run_attack(tool_run *run, td_error *error) {
    evade_job job = {.run = run, .settings = run->family, .attack = run->method->math};
    td_status status = run_job(&job, error);
    json_decref(job.checkpoint.identity);
    td_model_free(&job.model);
    td_dataset_close(&job.data);
    return status;
}

const tool_family attacks = {
    .name = "attack",
    .usage = "--model MODEL --data DATA -o SET",
    .groups = groups,
    .size = sizeof(evade_settings),
    .check = check,
    .run = run_attack,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write the set of adversarial images",
};
