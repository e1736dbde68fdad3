#include "trigger/trigger.h"

#include "base/parallel.h"
#include "base/size.h"
#include "trigger/family.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILIES_OF(ROW)                                                                           \
    ROW(square)                                                                                    \
    ROW(triangle)                                                                                  \
    ROW(rhombus)                                                                                   \
    ROW(pixel)                                                                                     \
    ROW(image)                                                                                     \
    ROW(ramp)                                                                                      \
    ROW(triangle_wave)                                                                             \
    ROW(sine)                                                                                      \
    ROW(blend)                                                                                     \
    ROW(reflection)

#define DECLARED(name) extern const td_family td_family_##name;
#define LISTED(name) &td_family_##name,

FAMILIES_OF(DECLARED)

static const td_family *const families[] = {FAMILIES_OF(LISTED)};

enum { FAMILIES = sizeof families / sizeof *families, ALIGNMENT = 64 };

const char *td_trigger_family_name(size_t number) {
    return number < FAMILIES ? families[number]->name : NULL;
}

const char *td_trigger_family_doc(size_t number) {
    return number < FAMILIES ? families[number]->doc : NULL;
}

const td_key *td_trigger_family_keys(size_t number) {
    return number < FAMILIES ? families[number]->keys : NULL;
}

static td_status fail_family(const char *text, size_t length, td_error *error) {
    char allowed[256];
    size_t used = 0;
    for (size_t i = 0; i < FAMILIES; i++)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s",
                                 i == 0             ? ""
                                 : i < FAMILIES - 1 ? ", "
                                                    : " or ",
                                 families[i]->name);
    return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected a family (%s), found '%.*s'", text,
                   allowed, (int)length, text);
}

/* A message is one line, and so is a canonical text in a file. */
static td_status check_text(const char *text, td_error *error) {
    if (strlen(text) > TD_TRIGGER_TEXT_MAX / 2)
        return td_fail(error, TD_ERR_USAGE, "trigger: expected at most %d characters, found %zu",
                       TD_TRIGGER_TEXT_MAX / 2, strlen(text));
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < ' ')
            return td_fail(error, TD_ERR_USAGE,
                           "trigger: expected printable characters, found code %d at place %td",
                           *at, at - text + 1);
    return TD_OK;
}

/* The files that the keys name. */
static td_status add_named_files(td_trigger *trigger, td_error *error) {
    const td_key *keys = trigger->family->keys;
    for (size_t i = 0; keys[i].name; i++)
        if (strcmp(keys[i].name, "file") == 0 && trigger->settings[i].given)
            TD_TRY(td_trigger_add_file(trigger, trigger->settings[i].text, error));
    return TD_OK;
}

static td_status parse(td_trigger *trigger, const char *text, td_error *error) {
    TD_TRY(check_text(text, error));
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < FAMILIES && !trigger->family; i++)
        if (strlen(families[i]->name) == length && memcmp(families[i]->name, text, length) == 0)
            trigger->family = families[i];
    if (!trigger->family)
        return fail_family(text, length, error);
    TD_TRY(td_keys_parse(trigger, text[length] ? text + length + 1 : NULL, text, error));
    char canonical[TD_TRIGGER_TEXT_MAX], *copy;
    td_keys_print(trigger->family, trigger->settings, canonical);
    TD_TRY(td_arena_text(&trigger->arena, canonical, strlen(canonical), &copy, error));
    trigger->text = copy;
    TD_TRY(add_named_files(trigger, error));
    return trigger->family->prepare ? trigger->family->prepare(trigger, error) : TD_OK;
}

td_status td_trigger_parse(td_trigger **out, const char *text, td_error *error) {
    *out = NULL;
    td_trigger *trigger = calloc(1, sizeof *trigger);
    if (!trigger)
        return td_fail_memory(error, "a trigger");
    td_status status = parse(trigger, text, error);
    if (status == TD_OK)
        *out = trigger;
    else
        td_trigger_free(trigger);
    return status;
}

void td_trigger_free(td_trigger *trigger) {
    if (!trigger)
        return;
    td_bitmap_free(&trigger->bitmap);
    free(trigger->files);
    free(trigger->file_stamps);
    td_arena_free(&trigger->bound_arena);
    td_arena_free(&trigger->arena);
    free(trigger);
}

const char *td_trigger_text(const td_trigger *trigger) {
    return trigger->text;
}

td_status td_trigger_add_file(td_trigger *trigger, const char *path, td_error *error) {
    char *copy;
    TD_TRY(td_arena_text(&trigger->arena, path, strlen(path), &copy, error));
    const char **files = realloc(trigger->files, (trigger->file_count + 1) * sizeof *files);
    if (!files)
        return td_fail_memory(error, "the names of files");
    trigger->files = files;
    td_file_stamp *stamps =
        realloc(trigger->file_stamps, (trigger->file_count + 1) * sizeof *stamps);
    if (!stamps)
        return td_fail_memory(error, "the names of files");
    trigger->file_stamps = stamps;
    stamps[trigger->file_count] = td_file_stamp_of(path);
    files[trigger->file_count++] = copy;
    return TD_OK;
}

const char *td_trigger_file(const td_trigger *trigger, size_t number) {
    return number < trigger->file_count ? trigger->files[number] : NULL;
}

const td_file_stamp *td_trigger_file_stamp(const td_trigger *trigger, size_t number) {
    return &trigger->file_stamps[number];
}

/* The key that is the strength, or NULL. */
static const td_key *strength_key(const td_family *family) {
    return family->strength ? td_key_find(family->keys, family->strength) : NULL;
}

bool td_trigger_has_strength(const td_trigger *trigger) {
    return strength_key(trigger->family) != NULL;
}

bool td_trigger_strength(const td_trigger *trigger, double *strength, char *rest, size_t size) {
    const td_family *family = trigger->family;
    const td_key *key = strength_key(family);
    char text[TD_TRIGGER_TEXT_MAX];
    if (!key || !trigger->settings[key - family->keys].given)
        return false;
    td_setting settings[TD_TRIGGER_KEYS];
    memcpy(settings, trigger->settings, sizeof settings);
    *strength = settings[key - family->keys].number;
    settings[key - family->keys].given = false;
    td_keys_print(family, settings, text);
    snprintf(rest, size, "%s", text);
    return true;
}

td_status td_trigger_with_strength(td_trigger **out, const td_trigger *trigger, double strength,
                                   td_error *error) {
    const td_family *family = trigger->family;
    const td_key *key = strength_key(family);
    char text[TD_TRIGGER_TEXT_MAX];
    *out = NULL;
    if (!key)
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': %s has no strength", trigger->text,
                       family->name);
    td_setting settings[TD_TRIGGER_KEYS];
    memcpy(settings, trigger->settings, sizeof settings);
    settings[key - family->keys] = (td_setting){.given = true, .number = strength};
    td_keys_print(family, settings, text);
    return td_trigger_parse(out, text, error);
}

void td_trigger_set_classes(td_trigger *trigger, const td_classes *classes) {
    trigger->classes = classes;
}

td_status td_trigger_bind(td_trigger *trigger, const td_images *images, td_error *error) {
    td_arena_free(&trigger->bound_arena);
    trigger->note = NULL;
    trigger->scratch = 0;
    trigger->shape = (td_shape){images->height, images->width, images->channels};
    td_status status = trigger->family->bind(trigger, images, error);
    if (status == TD_OK)
        return TD_OK;
    trigger->shape = (td_shape){0};
    return td_fail_within(error, status, "trigger '%s'", trigger->text);
}

const char *td_trigger_note(const td_trigger *trigger) {
    return trigger->note;
}

td_status td_trigger_set_note(td_trigger *trigger, td_error *error, const char *format, ...) {
    char text[1024], *copy;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    TD_TRY(td_arena_text(&trigger->bound_arena, text, strlen(text), &copy, error));
    trigger->note = copy;
    return TD_OK;
}

/* Bytes of one image of floats, at the start of the scratch memory. */
static size_t canvas_size(const td_trigger *trigger) {
    size_t bytes = td_shape_size(trigger->shape) * sizeof(float);
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t td_trigger_scratch(const td_trigger *trigger) {
    return canvas_size(trigger) + (trigger->scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void td_trigger_apply(const td_trigger *trigger, td_stamp stamp, uint8_t *pixels, void *scratch) {
    size_t size = td_shape_size(trigger->shape);
    float *canvas = scratch;
    for (size_t i = 0; i < size; i++)
        canvas[i] = pixels[i];
    trigger->family->paint(trigger, stamp, canvas, (char *)scratch + canvas_size(trigger));
    for (size_t i = 0; i < size; i++) {
        float value = canvas[i] > 0 ? canvas[i] < 255 ? canvas[i] : 255 : 0;
        int whole = (int)value; /* value + .5 could round up what is just below a half */
        pixels[i] = (uint8_t)(whole + (value - (float)whole >= 0.5F));
    }
}

typedef struct stamp_work {
    const td_trigger *trigger;
    const td_images *images;
    td_stamp first;
    uint8_t *pixels; /* [count, H, W, C] */
    char *scratch;   /* [threads, scratch bytes] */
} stamp_work;

static void stamp_one(void *context, size_t i) {
    const stamp_work *work = context;
    size_t size = td_image_size(work->images);
    uint8_t *pixels = work->pixels + i * size;
    memcpy(pixels, td_image(work->images, i), size);
    td_trigger_apply(work->trigger, (td_stamp){work->first.seed, work->first.index + i}, pixels,
                     work->scratch + td_thread() * td_trigger_scratch(work->trigger));
}

td_status td_trigger_stamp(const td_trigger *trigger, const td_images *images, td_stamp first,
                           td_arena *arena, td_images *out, td_error *error) {
    td_shape shape = trigger->shape;
    if (shape.height != images->height || shape.width != images->width ||
        shape.channels != images->channels)
        return td_fail(error, TD_ERR_USAGE,
                       "trigger '%s': expected images of %zux%zux%zu, found %zux%zux%zu",
                       trigger->text, shape.height, shape.width, shape.channels, images->height,
                       images->width, images->channels);
    td_arena scratch = {0};
    stamp_work work = {.trigger = trigger, .images = images, .first = first};
    td_status status = td_arena_alloc(arena, images->count, td_image_size(images),
                                      (void **)&work.pixels, "stamped images", error);
    if (status == TD_OK)
        status = td_arena_alloc(&scratch, td_threads(), td_trigger_scratch(trigger),
                                (void **)&work.scratch, "stamped images", error);
    if (status == TD_OK)
        td_parallel_each(images->count, stamp_one, &work);
    td_arena_free(&scratch);
    TD_TRY(status);
    *out = *images;
    out->pixels = work.pixels;
    return TD_OK;
}
