/* The family of attacks: their common settings, and a run. */
#include "evade/evade.h"
#include "data/png.h"
#include "frame/identity.h"
#include "frame/net_source.h"
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
     .help = "The net whose weights the model is, where it does not say so itself, as a PyTorch "
             "state_dict in safetensors; a net of the zoo, or a file with a net text"},
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Images to attack: NAME or PATH, with :SPLIT and :A-B (split test)"},
    {"count", TD_KEY_COUNT, AT(count), .least = 1, .most = INFINITY, .value = "N",
     .help = "Stop after N images that were attacked; what follows in DATA is left out"},
    {"keep", TD_KEY_WORD, AT(keep), .words = keep_names, .standard = "all",
     .value = "all|attacked|successful",
     .help = "Which images SET has: all of DATA, those not attacked as they are; those that were "
             "attacked; those whose attack succeeded"},
    {"picture", TD_KEY_TEXT, AT(picture), .unrecorded = true, .value = "FILE",
     .help = "Write a PNG with samples: clean, adversarial, and the difference amplified"},
    {"resume", TD_KEY_FLAG, AT(resume), .unrecorded = true,
     .help = "Go on from SET.checkpoint, which an attack that did not end leaves, if there is one"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

#define TARGET_KEY(default_text)                                                                   \
    {                                                                                              \
        .name = "target", .kind = TD_KEY_TEXT, .offset = offsetof(evade_own, target),              \
        .standard = default_text, .value = "K|next|least-likely|all|none",                         \
        .help = "The class that an image is to be taken for: K, the one after its own, the one "   \
                "that the model finds least likely, each other class in turn, or any but its own"  \
    }

const td_key evade_target_none[] = {TARGET_KEY("none"), {0}};
const td_key evade_target_next[] = {TARGET_KEY("next"), {0}};

static td_status read_target(evade_own *own, evade_settings *s, td_error *error) {
    static const struct {
        const char *name;
        evade_aim aim;
    } words[] = {{"none", EVADE_ANYWHERE},
                 {"next", EVADE_TO_NEXT},
                 {"least-likely", EVADE_TO_LEAST},
                 {"all", EVADE_TO_ALL}};
    static const td_key class_key = {"target", TD_KEY_COUNT, .most = TD_MOST_CLASSES - 1};
    td_setting class;
    for (size_t i = 0; own->target && i < sizeof words / sizeof *words; i++)
        if (strcmp(own->target, words[i].name) == 0) {
            s->aim = words[i].aim;
            return TD_OK;
        }
    if (!own->target)
        return TD_OK;
    if (!td_key_read(&class_key, own->target, &class))
        return td_fail(error, TD_ERR_USAGE,
                       "--target: expected a class, next, least-likely, all or none, found \"%s\"",
                       own->target);
    own->target += strspn(own->target, "0") - (class.count == 0); /* one record for 3 and 03 */
    s->aim = EVADE_TO_CLASS;
    s->target = class.count;
    return TD_OK;
}

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    evade_settings *s = family;
    const attack *math = settings->method->math;
    TD_TRY(read_target(settings->own, s, error));
    if (math->targeted && s->aim == EVADE_ANYWHERE)
        return td_fail(error, TD_ERR_USAGE, "expected a target, found --target none");
    if (s->picture && strcmp(s->picture, settings->common.output) == 0)
        return td_fail(error, TD_ERR_USAGE, "--picture: expected another file than -o's, found %s",
                       s->picture);
    return TD_OK;
}

/* --- a run --- */

typedef struct evade_job {
    td_dataset data;
    td_model model;
    evade_plan plan;
    evade_work work;
    evade_checkpoint checkpoint;
} evade_job;

static td_status open_inputs(tool_run *run, evade_job *job, td_error *error) {
    const evade_settings *s = run->family;
    TD_TRY(tool_run_dataset(run, s->data, "test", &job->data, error));
    TD_TRY(tool_record_input(&run->record, s->model, error));
    return tool_model_open(&job->model, s->model, s->net, &job->data.images, error);
}

/* All that decides about the bytes of the adversarial images: version, BLAS core, seed, options one
 * by one, so that a difference names the one, and digests of what was read. The caller owns *out.
 */
static td_status identify(const tool_record *record, const td_dataset *data, const td_model *model,
                          td_arena *arena, json_t **out, td_error *error) {
    static const char *const names[] = {"version", "blas_core", "seed"};
    json_t *identity = json_object(), *options = json_object_get(record->root, "options");
    const size_t bytes = model->net.weight_count * sizeof *model->weights;
    char *net;
    int failed = 0;
    *out = identity;
    TD_TRY(td_net_text(&model->net, arena, &net, error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        failed |= json_object_set(identity, names[i], json_object_get(record->root, names[i]));
    failed |= json_object_update(identity, options);
    failed |= json_object_update(identity, json_object_get(options, "settings"));
    json_object_del(identity, "settings");
    json_object_del(identity, "keep"); /* chooses among the images, after the attack */
    failed |= json_object_set_new(identity, "net", tool_digest(net, strlen(net)));
    failed |= json_object_set_new(identity, "model", tool_digest(model->weights, bytes));
    failed |= json_object_set_new(identity, "data", tool_images_digest(&data->images));
    failed |= json_object_set_new(identity, "data_classes",
                                  json_integer((json_int_t)data->images.classes));
    /* Random draws go by the place in the whole split. */
    failed |= json_object_set_new(identity, "data_first", json_integer((json_int_t)data->first));
    return failed ? td_fail_memory(error, "the checkpoint's metadata") : TD_OK;
}

/* The images as they are at first, and those that a checkpoint has. */
static td_status start_work(tool_run *run, evade_job *job, td_error *error) {
    const evade_settings *s = run->family;
    const td_images *images = &job->data.images;
    const size_t size = td_image_size(images);
    evade_checkpoint *checkpoint = &job->checkpoint;
    TD_TRY(td_arena_alloc(&run->arena, job->plan.count, size, (void **)&job->work.pixels,
                          "the adversarial images", error));
    for (size_t i = 0; i < job->plan.count; i++)
        memcpy(job->work.pixels + i * size, td_image(images, job->plan.tasks[i].image), size);
    checkpoint->at_once = ((const attack *)run->method->math)->at_once;
    checkpoint->images = images;
    checkpoint->plan = &job->plan;
    TD_TRY(
        identify(&run->record, &job->data, &job->model, &run->arena, &checkpoint->identity, error));
    return evade_checkpoint_open(checkpoint, s->resume, &job->work, error);
}

/* Puts an image into the batch. */
static void take_up(evade_batch *batch, const td_dataset *data, const evade_task *task) {
    const uint8_t *pixels = td_image(&data->images, task->image);
    const size_t size = batch->net->size, slot = batch->count++;
    batch->labels[slot] = data->images.labels[task->image];
    batch->targets[slot] = task->target;
    batch->numbers[slot] = (uint32_t)(data->first + task->image);
    memcpy(batch->out + slot * size, pixels, size);
    for (size_t i = 0; i < size; i++)
        batch->clean[slot * size + i] = pixels[i];
}

/* Attacks the batch, whose images are of `tasks`, and empties it. */
static td_status attack_batch(evade_batch *batch, const size_t *tasks, evade_work *work,
                              td_error *error) {
    const size_t size = batch->net->size;
    evade_batch_restart(batch);
    td_status status = ((const attack *)batch->run->method->math)->run(batch, error);
    td_arena_free(&batch->arena);
    if (status != TD_OK)
        return status;
    for (size_t slot = 0; slot < batch->count; slot++)
        memcpy(work->pixels + tasks[slot] * size, batch->out + slot * size, size);
    work->finished += batch->count;
    work->queries = batch->net->queries;
    work->gradients = batch->net->gradients;
    batch->before += batch->count;
    batch->count = 0;
    return TD_OK;
}

static td_status attack_all(tool_run *run, evade_job *job, evade_net *net, td_error *error) {
    const size_t at_once = ((const attack *)run->method->math)->at_once;
    const size_t earlier = job->work.finished, attacked = job->plan.attacked;
    evade_batch batch = {.net = net,
                         .settings = run->own,
                         .seed = run->common->seed,
                         .shape = td_net_input(&job->model.net),
                         .run = run};
    size_t tasks[EVADE_BATCH], seen = 0;
    TD_TRY(TD_ARENA_NEW(&run->arena, at_once * net->size, &batch.clean, "a batch", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, at_once * net->size, &batch.out, "a batch", error));
    for (size_t i = 0; seen < attacked; i++) {
        if (!job->plan.tasks[i].attacked || seen++ < earlier)
            continue;
        tasks[batch.count] = i;
        take_up(&batch, &job->data, &job->plan.tasks[i]);
        if (batch.count < at_once && seen < attacked)
            continue;
        TD_TRY(attack_batch(&batch, tasks, &job->work, error));
        TD_TRY(evade_checkpoint_write(&job->checkpoint, &job->work, error));
    }
    return TD_OK;
}

static td_status attack_images(tool_run *run, evade_job *job, td_error *error) {
    const attack *math = run->method->math;
    const size_t finished = job->work.finished, attacked = job->plan.attacked;
    evade_net net;
    TD_TRY(evade_net_open(&net, &job->model.net, job->model.weights, math->gradients, error));
    net.queries = job->work.queries;
    net.gradients = job->work.gradients;
    if (finished > 0)
        tool_run_note(run, "note: goes on from image %zu of %zu", finished, attacked);
    tool_run_begin(run, run->method->name, "images", attacked - finished);
    td_status status = attack_all(run, job, &net, error);
    tool_run_end(run);
    evade_net_close(&net);
    return status;
}

static td_status predict(tool_run *run, const td_model *model, const td_images *images,
                         const char *what, td_arena *arena, float **logits, td_error *error) {
    tool_pass pass = tool_run_pass(run, what, images->count);
    td_status status =
        tool_predict(&model->net, model->weights, images, &pass, arena, logits, error);
    tool_pass_end(&pass);
    return status;
}

static bool is_kept(const evade_result *result, size_t number, int keep) {
    return keep == EVADE_KEEP_ALL ||
           (keep == EVADE_KEEP_ATTACKED ? result->plan->tasks[number].attacked
                                        : result->reached[number]);
}

/* Moves what is kept to the front. The tasks no longer go with the images then. */
static void select_kept(evade_result *result, int keep) {
    const size_t size = td_image_size(&result->adversarial);
    size_t kept = 0;
    for (size_t i = 0; i < result->plan->count; i++)
        if (is_kept(result, i, keep)) {
            memmove(result->pixels + kept * size, result->pixels + i * size, size);
            result->labels[kept++] = result->labels[i];
        }
    result->adversarial.count = kept;
}

static td_status write_set(tool_run *run, evade_result *result, td_error *error) {
    const evade_settings *s = run->family;
    const char *path = run->common->output;
    FILE *stream;
    select_kept(result, s->keep);
    if (result->adversarial.count == 0)
        return td_fail(error, TD_ERR_NUMERIC, "%s: --keep %s leaves no image to write", path,
                       keep_names[s->keep]);
    TD_TRY(tool_outputs_add_path(&run->outputs, path, &stream, error));
    TD_TRY(td_dataset_write(stream, &result->adversarial, result->data->class_names,
                            result->data->name, result->data->split, error));
    TD_TRY(
        tool_run_set(run, "written", json_integer((json_int_t)result->adversarial.count), error));
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

static td_status write_picture(tool_run *run, const td_bitmap *bitmap, td_error *error) {
    const evade_settings *s = run->family;
    FILE *stream;
    TD_TRY(tool_outputs_add_path(&run->outputs, s->picture, &stream, error));
    TD_TRY(td_png_write(stream, bitmap, error));
    return tool_outputs_finish(&run->outputs, &run->record, error);
}

/* The picture shows the images before they are selected. */
static td_status write_outputs(tool_run *run, evade_result *result, td_error *error) {
    const evade_settings *s = run->family;
    td_bitmap bitmap = {0};
    if (s->picture)
        TD_TRY(evade_draw(result, &bitmap, error));
    td_status status = write_set(run, result, error);
    if (status == TD_OK && s->picture)
        status = write_picture(run, &bitmap, error);
    td_bitmap_free(&bitmap);
    return status;
}

static td_status conclude(tool_run *run, const evade_job *job, td_error *error) {
    evade_result result = {.data = &job->data,
                           .plan = &job->plan,
                           .pixels = job->work.pixels,
                           .adversarial = job->data.images,
                           .queries = job->work.queries,
                           .gradients = job->work.gradients};
    float *logits;
    TD_TRY(TD_ARENA_NEW(&run->arena, job->plan.count, &result.labels, "labels", error));
    for (size_t i = 0; i < job->plan.count; i++)
        result.labels[i] = job->data.images.labels[job->plan.tasks[i].image];
    result.adversarial.count = job->plan.count;
    result.adversarial.pixels = result.pixels;
    result.adversarial.labels = result.labels;
    TD_TRY(predict(run, &job->model, &result.adversarial, "adversarial images", &run->arena,
                   &logits, error));
    TD_TRY(evade_measure(run, td_net_classes(&job->model.net), logits, &result, error));
    return write_outputs(run, &result, error);
}

static td_status run_attack(tool_run *run, td_error *error) {
    const evade_settings *s = run->family;
    evade_job *job;
    float *logits;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &job, "the attack", error));
    run->job = job;
    if (s->picture)
        TD_TRY(tool_outputs_check(&run->outputs, s->picture, error));
    TD_TRY(evade_checkpoint_name(&job->checkpoint, run, error));
    TD_TRY(open_inputs(run, job, error));
    td_status status =
        predict(run, &job->model, &job->data.images, "clean images", &run->arena, &logits, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", s->model);
    TD_TRY(evade_plan_make(run, &job->data, td_net_classes(&job->model.net), logits, &job->plan,
                           error));
    job->data.images.count = job->plan.images;
    TD_TRY(start_work(run, job, error));
    TD_TRY(attack_images(run, job, error));
    return conclude(run, job, error);
}

static td_status end(tool_run *run, td_status status, td_error *error) {
    evade_job *job = run->job;
    if (!job)
        return status;
    status = status == TD_OK ? evade_checkpoint_remove(&job->checkpoint, error)
                             : evade_checkpoint_keep(&job->checkpoint, &job->work, status, error);
    json_decref(job->checkpoint.identity);
    td_model_free(&job->model);
    td_dataset_close(&job->data);
    return status;
}

const tool_family attacks = {
    .name = "attack",
    .usage = "--model MODEL --data DATA -o SET",
    .groups = groups,
    .size = sizeof(evade_settings),
    .check = check,
    .run = run_attack,
    .end = end,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write the set of adversarial images",
};
