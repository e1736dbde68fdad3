/* Neural Cleanse: finds classes that a small trigger sends every image to. */
#include "defend/inspect/cleanse.h"

#include "frame/clock.h"
#include "frame/model_output.h"
#include "frame/net_source.h"
#include "data/path.h"
#include "defend/method.h"
#include <stdio.h>
#include <string.h>

enum { FEW_IMAGES = 100 }; /* of other classes: with fewer an ASR of .99 is that of all */
enum { NAME_SIZE = 64 };

/* --- what is searched for --- */

td_status cleanse_list_classes(const char *option, const char *list, size_t classes,
                               td_arena *arena, size_t **out, size_t *count, td_error *error) {
    bool *taken;
    TD_TRY(TD_ARENA_NEW(arena, classes, out, "classes", error));
    TD_TRY(TD_ARENA_NEW(arena, classes, &taken, "classes", error));
    *count = 0;
    for (const char *word = list; word;) {
        const size_t length = strcspn(word, ",");
        size_t number = 0, digits = strspn(word, "0123456789");
        for (size_t i = 0; i < digits && number < classes; i++)
            number = number * 10 + (size_t)(word[i] - '0');
        if (digits == 0 || digits != length || number >= classes)
            return td_fail(error, TD_ERR_USAGE,
                           "%s: expected classes from 0 to %zu with commas between, found \"%.*s\"",
                           option, classes - 1, (int)length, word);
        if (taken[number])
            return td_fail(error, TD_ERR_USAGE, "%s: expected each class once, found %zu twice",
                           option, number);
        taken[number] = true;
        (*out)[(*count)++] = number;
        word = word[length] ? word + length + 1 : NULL;
    }
    for (size_t i = 0; !list && i < classes; i++)
        (*out)[(*count)++] = i;
    return TD_OK;
}

static td_status choose_classes(cleanse_job *job, td_error *error) {
    static const char what[] = "triggers";
    const size_t places = job->images.height * job->images.width;
    size_t *numbers;
    TD_TRY(cleanse_list_classes("--classes", job->options->classes, td_net_classes(&job->model.net),
                                &job->arena, &numbers, &job->count, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, job->count, &job->classes, what, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, job->count, &job->found, what, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, job->count, &job->searched, what, error));
    for (size_t i = 0; i < job->count; i++) {
        cleanse_found *f = &job->found[i];
        job->classes[i].number = numbers[i];
        TD_TRY(TD_ARENA_NEW(&job->arena, places, &f->mask, what, error));
        TD_TRY(TD_ARENA_NEW(&job->arena, places * job->images.channels, &f->pattern, what, error));
    }
    return TD_OK;
}

/* Of each class that is searched for there must be enough images of others. */
static td_status check_images(const cleanse_job *job, td_error *error) {
    size_t fewest = SIZE_MAX, scarce = 0;
    for (size_t i = 0; i < job->count; i++) {
        size_t others = 0;
        for (size_t k = 0; k < job->images.count; k++)
            others += (size_t)job->images.labels[k] != job->classes[i].number;
        if (others < fewest) {
            fewest = others;
            scarce = job->classes[i].number;
        }
    }
    if (fewest < CLEANSE_LEAST)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected at least %d clean images of other classes than %zu, found %zu",
                       job->clean.name, (int)CLEANSE_LEAST, scarce, fewest);
    if (fewest < FEW_IMAGES && !job->options->repair.common.quiet) {
        char line[160];
        snprintf(line, sizeof line,
                 "note: only %zu clean images of other classes than %zu: what sends these there "
                 "need not send others",
                 fewest, scarce);
        tool_note(line);
    }
    return TD_OK;
}

static td_status open_inputs(cleanse_job *job, td_error *error) {
    const repair_options *r = &job->options->repair;
    TD_TRY(repair_open_data(&job->clean, r, r->clean, "train", NULL, &job->record, error));
    TD_TRY(tool_record_input(&job->record, r->model, error));
    TD_TRY(tool_model_open(&job->model, r->model, r->net, &job->clean.images, error));
    TD_TRY(tool_model_check_classes(&job->model, r->model, error));
    TD_TRY(repair_check_data(&job->clean, &job->model.net, error));
    TD_TRY(repair_open(&job->judge, r, &job->model.net, &job->record, error));
    TD_TRY(repair_clean(&job->judge, &job->clean, "--clean", &job->arena, &job->images, error));
    TD_TRY(choose_classes(job, error));
    return check_images(job, error);
}

/* --- the search --- */

static bool is_late(const cleanse_job *job) {
    return tool_monotonic_seconds() >= job->deadline;
}

static bool keep_on(void *context, size_t step) {
    cleanse_job *job = context;
    size_t before = 0, now = 0;
    char note[48];
    for (size_t i = 0; i < job->count; i++)
        before += job->searched[i];
    while (job->searched[now])
        now++;
    snprintf(note, sizeof note, "class %zu", job->classes[now].number);
    tool_progress_update(&job->progress, before * job->options->settings.steps + step, note);
    return !tool_interrupted() && !is_late(job);
}

static td_status search_class(cleanse_job *job, cleanse_search *search, size_t place,
                              td_error *error) {
    const char *folder = job->options->repair.common.output;
    td_status status = cleanse_search_class(search, job->classes[place].number, keep_on, job,
                                            &job->found[place], error);
    if (status == TD_ERR_INTERRUPTED && !tool_interrupted())
        return TD_OK; /* the time is up */
    if (status == TD_ERR_INTERRUPTED)
        return td_fail(error, status, "interrupted after %zu of %zu classes%s", job->done,
                       job->count, folder && job->done > 0 ? "; --resume goes on" : "");
    TD_TRY(status);
    job->searched[place] = true;
    job->done++;
    return cleanse_state_write(job, error);
}

static td_status search_all(cleanse_job *job, td_error *error) {
    const cleanse_options *o = job->options;
    cleanse_search *search;
    if (job->done == job->count)
        return TD_OK;
    TD_TRY(cleanse_search_new(&search, &job->model.net, job->model.weights, &job->images,
                              &o->settings, error));
    job->progress = tool_progress_start("searching triggers", "steps",
                                        job->count * o->settings.steps, o->repair.common.quiet);
    job->deadline = tool_monotonic_seconds() + 60 * o->minutes;
    td_status status = TD_OK;
    for (size_t i = 0; i < job->count && status == TD_OK && !is_late(job); i++)
        if (!job->searched[i])
            status = search_class(job, search, i, error);
    tool_progress_end(&job->progress);
    cleanse_search_free(search);
    return status;
}

/* Once the time is up: the job is of the classes that were searched. */
static void leave_unsearched(cleanse_job *job) {
    json_t *unsearched = json_array();
    size_t kept = 0;
    char line[160];
    for (size_t i = 0; i < job->count; i++) {
        if (!job->searched[i]) {
            json_array_append_new(unsearched, json_integer((json_int_t)job->classes[i].number));
            continue;
        }
        job->classes[kept] = job->classes[i];
        job->found[kept] = job->found[i];
        job->searched[kept++] = true;
    }
    snprintf(line, sizeof line, "note: the time is up after %zu of %zu classes%s", kept, job->count,
             job->options->repair.common.output && kept > 0 ? "; --resume goes on" : "");
    if (kept < job->count && !job->options->repair.common.quiet)
        tool_note(line);
    if (kept < job->count)
        json_object_set(job->record.root, "unsearched", unsearched);
    json_decref(unsearched);
    job->count = kept;
}

/* --- what is told --- */

/* A search can end beside the small trigger that there is. */
static void note_largest(const cleanse_job *job) {
    const inspect_class *largest = inspect_largest(job->classes, job->count, &job->verdict);
    char line[256];
    if (!largest)
        return;
    snprintf(
        line, sizeof line,
        "note: the mask of class %zu is an outlier on the large side (index %.2f), as a search "
        "leaves it that got stuck; another --seed with --classes %zu tells",
        largest->number, largest->index, largest->number);
    tool_note(line);
}

static td_status tell(cleanse_job *job, td_error *error) {
    const repair_options *r = &job->options->repair;
    json_t *root = job->record.root, *entry;
    for (size_t i = 0; i < job->count; i++) {
        job->classes[i].found = job->found[i].found;
        job->classes[i].size = job->found[i].size;
        job->classes[i].asr = job->found[i].asr;
    }
    TD_TRY(inspect_judge(job->classes, job->count, INSPECT_MAD, &job->verdict, error));
    json_object_set_new(root, "method", json_string("cleanse"));
    json_object_set_new(root, "images", json_integer((json_int_t)job->images.count));
    TD_TRY(inspect_record(&job->record, job->classes, job->count, &job->verdict, error));
    size_t i;
    json_array_foreach(json_object_get(root, "classes"), i, entry) {
        json_object_set_new(entry, "steps", json_integer((json_int_t)job->found[i].steps));
    }
    if (repair_prints(r)) {
        printf("%s: the smallest triggers that reach an ASR of %g %% on %zu clean images\n",
               r->model, 100 * job->options->settings.attack_rate, job->images.count);
        inspect_print(job->classes, job->count, &job->verdict, "pixels");
    }
    if (!r->common.quiet) {
        inspect_note(job->classes, job->count, &job->verdict);
        note_largest(job);
    }
    return cleanse_tell_overlaps(job, error);
}

/* --- the run --- */

static td_status check_outputs(const cleanse_job *job, td_error *error) {
    tool_common common = job->options->repair.common;
    if (!job->options->patched)
        return tool_record_check(&common, error);
    common.output = job->options->patched;
    return tool_model_check(&common, error);
}

/* Pictures of another search are found to be in the way before hours of work, not after. */
static td_status open_files(cleanse_job *job, td_error *error) {
    static const char *const kinds[] = {"mask", "pattern", "trigger"};
    const tool_common *common = &job->options->repair.common;
    const bool force = common->force || job->options->resume;
    char name[NAME_SIZE], path[TD_PATH_SIZE];
    if (!common->output)
        return TD_OK;
    TD_TRY(
        tool_files_open(&job->files, common->output, force, INSPECT_PICTURES * job->count, error));
    for (size_t i = 0; i < INSPECT_PICTURES * job->count; i++) {
        snprintf(name, sizeof name, "%s-%zu.png", kinds[i % INSPECT_PICTURES],
                 job->classes[i / INSPECT_PICTURES].number);
        if (td_path_join(path, common->output, name))
            TD_TRY(td_output_check(path, force, error));
    }
    return TD_OK;
}

static td_status write_pictures(cleanse_job *job, td_error *error) {
    const td_shape shape = td_net_input(&job->model.net);
    const char *folder = job->options->repair.common.output;
    char path[TD_PATH_SIZE];
    if (!folder)
        return TD_OK;
    for (size_t i = 0; i < job->count; i++) {
        const cleanse_found *f = &job->found[i];
        const inspect_trigger trigger = {shape, f->mask, f->pattern};
        if (f->found)
            TD_TRY(inspect_write_trigger(&job->files, &job->record, job->classes[i].number,
                                         &trigger, error));
    }
    return job->done > 0 && td_path_join(path, folder, cleanse_state_name)
               ? tool_record_output(&job->record, cleanse_state_name, path, error)
               : TD_OK;
}

static td_status run(cleanse_job *job, td_error *error) {
    const cleanse_options *o = job->options;
    TD_TRY(check_outputs(job, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-defend", &o->repair.common,
                             cleanse_options_json(o), error));
    TD_TRY(open_inputs(job, error));
    TD_TRY(cleanse_state_load(job, error));
    TD_TRY(open_files(job, error));
    TD_TRY(search_all(job, error));
    leave_unsearched(job);
    TD_TRY(tell(job, error));
    TD_TRY(write_pictures(job, error));
    TD_TRY(cleanse_apply_patch(job, error));
    return tool_files_publish(&job->files, error);
}

static int cleanse(int argc, char **argv) {
    cleanse_options options;
    td_error error;
    cleanse_options_parse(&options, argc, argv);
    cleanse_job job = {.options = &options};
    td_status status = run(&job, &error);
    const bool flagged = job.verdict.flagged > 0;
    tool_files_close(&job.files);
    repair_close(&job.judge);
    td_net_free(&job.pruned);
    td_model_free(&job.model);
    td_dataset_close(&job.clean);
    tool_record_free(&job.record);
    json_decref(job.identity);
    td_arena_free(&job.arena);
    const int exit_status = tool_exit(status, &error);
    return exit_status == 0 && flagged && options.exit_code ? INSPECT_EXIT_FLAGGED : exit_status;
}

static json_t *cleanse_asked(int argc, char **argv) {
    cleanse_options options;
    cleanse_options_parse(&options, argc, argv);
    return tool_asked(&options.repair.common, cleanse_options_json(&options));
}

const tool_method defend_cleanse = {
    .name = "cleanse",
    .doc = "Neural Cleanse: classes that a small trigger reaches",
    .legacy = &(const tool_legacy){.main = cleanse, .family = "inspector", .resumes = true, .asked = cleanse_asked},
};
