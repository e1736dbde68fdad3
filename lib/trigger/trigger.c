#include "trigger/trigger.h"

#include "base/parallel.h"
#include "base/size.h"
#include "trigger/family.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const td_family *const families[] = {
    &td_family_square, &td_family_triangle, &td_family_rhombus, &td_family_pixel, &td_family_image,
};

enum { FAMILIES = sizeof families / sizeof *families };

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

static td_status parse(td_trigger *trigger, const char *text, td_error *error) {
    TD_TRY(check_text(text, error));
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < FAMILIES && !trigger->family; i++)
        if (strlen(families[i]->name) == length && memcmp(families[i]->name, text, length) == 0)
            trigger->family = families[i];
    if (!trigger->family)
        return fail_family(text, length, error);
    char canonical[TD_TRIGGER_TEXT_MAX];
    snprintf(canonical, sizeof canonical, "%s", trigger->family->name);
    TD_TRY(td_keys_parse(trigger, text[length] ? text + length + 1 : NULL, text, canonical, error));
    char *copy;
    TD_TRY(td_arena_text(&trigger->arena, canonical, strlen(canonical), &copy, error));
    trigger->text = copy;
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
    td_arena_free(&trigger->arena);
    free(trigger);
}

const char *td_trigger_text(const td_trigger *trigger) {
    return trigger->text;
}

const char *td_trigger_file(const td_trigger *trigger) {
    for (size_t i = 0; i < trigger->family->key_count; i++)
        if (trigger->family->keys[i].kind == TD_KEY_FILE)
            return trigger->settings[i].file;
    return NULL;
}

td_status td_trigger_check(const td_trigger *trigger, size_t height, size_t width, size_t channels,
                           td_error *error) {
    td_status status = trigger->family->check(trigger, (td_shape){height, width, channels}, error);
    return status ? td_fail_within(error, status, "trigger '%s'", trigger->text) : TD_OK;
}

void td_trigger_apply(const td_trigger *trigger, size_t height, size_t width, size_t channels,
                      uint8_t *pixels, float *canvas) {
    size_t size = height * width * channels;
    for (size_t i = 0; i < size; i++)
        canvas[i] = pixels[i];
    trigger->family->paint(trigger, (td_shape){height, width, channels}, canvas);
    for (size_t i = 0; i < size; i++)
        pixels[i] = (uint8_t)roundf(fminf(fmaxf(canvas[i], 0.0F), 255.0F));
}

typedef struct stamp_work {
    const td_trigger *trigger;
    const td_images *images;
    uint8_t *pixels; /* [count, H, W, C] */
    float *canvases; /* [threads, H, W, C] */
} stamp_work;

static void stamp_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const stamp_work *work = context;
    const td_images *images = work->images;
    size_t size = td_image_size(images);
    (void)chunk;
    for (size_t i = begin; i < end; i++) {
        uint8_t *pixels = work->pixels + i * size;
        memcpy(pixels, td_image(images, i), size);
        td_trigger_apply(work->trigger, images->height, images->width, images->channels, pixels,
                         work->canvases + thread * size);
    }
}

td_status td_trigger_stamp(const td_trigger *trigger, const td_images *images, td_arena *arena,
                           td_images *out, td_error *error) {
    enum { IMAGES_PER_CHUNK = 64 };
    TD_TRY(td_trigger_check(trigger, images->height, images->width, images->channels, error));
    size_t size = td_image_size(images);
    stamp_work work = {.trigger = trigger, .images = images};
    TD_TRY(
        td_arena_alloc(arena, images->count, size, (void **)&work.pixels, "stamped images", error));
    work.canvases = calloc(td_threads(), size * sizeof *work.canvases);
    if (!work.canvases)
        return td_fail_memory(error, "stamped images");
    td_parallel_for(images->count, IMAGES_PER_CHUNK, stamp_chunk, &work);
    free(work.canvases);
    *out = *images;
    out->pixels = work.pixels;
    return TD_OK;
}
