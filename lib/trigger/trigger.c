/* SPDX-License-Identifier: MIT */
#include "trigger/trigger.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "trigger/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

struct td_trigger {
    td_part parts[TD_TRIGGER_PARTS];
    size_t count;
    bool one_of;      /* each image gets one of the parts, drawn for it; otherwise all, in order */
    const char *text; /* canonical */
    td_arena arena;   /* owns the text */
};

const char *td_trigger_family_name(size_t number) {
    const td_family *family = td_part_family(number);
    return family ? family->name : NULL;
}

const char *td_trigger_family_doc(size_t number) {
    const td_family *family = td_part_family(number);
    return family ? family->doc : NULL;
}

const td_key *td_trigger_family_keys(size_t number) {
    const td_family *family = td_part_family(number);
    return family ? family->keys : NULL;
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

/* The first mark that joins two parts: '+' or '|' before a family's name, unlike the one in a
 * position X+Y. NULL: none. */
static char *find_joint(char *text) {
    for (char *at = text; (at = strpbrk(at, "+|")); at++)
        if (td_part_family_named(at + 1, strcspn(at + 1, ":+|")))
            return at;
    return NULL;
}

static td_status parse_parts(td_trigger *trigger, char *text, const char *whole, td_error *error) {
    char joint = '\0';
    for (char *next; text; text = next) {
        next = find_joint(text);
        if (next) {
            if (joint && *next != joint)
                return td_fail(error, TD_ERR_USAGE,
                               "trigger '%s': expected parts joined all by '+' or all by '|', "
                               "found both",
                               whole);
            joint = *next;
            *next++ = '\0';
        }
        if (trigger->count == TD_TRIGGER_PARTS)
            return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected at most %d parts", whole,
                           TD_TRIGGER_PARTS);
        TD_TRY(td_part_parse(&trigger->parts[trigger->count++], text, error));
    }
    trigger->one_of = joint == '|';
    return TD_OK;
}

/* The parts' canonical texts, joined. */
static td_status join_texts(td_trigger *trigger, td_error *error) {
    size_t size = 1;
    char *text;
    for (size_t i = 0; i < trigger->count; i++)
        size += strlen(trigger->parts[i].text) + 1;
    TD_TRY(TD_ARENA_NEW(&trigger->arena, size, &text, "a trigger", error));
    size_t used = 0;
    for (size_t i = 0; i < trigger->count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 i == 0            ? ""
                                 : trigger->one_of ? "|"
                                                   : "+",
                                 trigger->parts[i].text);
    trigger->text = text;
    return TD_OK;
}

static td_status parse(td_trigger *trigger, const char *text, td_error *error) {
    char *copy;
    TD_TRY(check_text(text, error));
    TD_TRY(td_arena_text(&trigger->arena, text, strlen(text), &copy, error));
    TD_TRY(parse_parts(trigger, copy, text, error));
    return join_texts(trigger, error);
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
    for (size_t i = 0; i < trigger->count; i++)
        td_part_free(&trigger->parts[i]);
    td_arena_free(&trigger->arena);
    free(trigger);
}

const char *td_trigger_text(const td_trigger *trigger) {
    return trigger->text;
}

const char *td_trigger_choice(const td_trigger *trigger, size_t number) {
    return trigger->one_of && number < trigger->count ? trigger->parts[number].text : NULL;
}

/* The part with file `*number` of the trigger; *number becomes its number within the part. NULL:
 * there are fewer files. */
static const td_part *part_of_file(const td_trigger *trigger, size_t *number) {
    for (size_t i = 0; i < trigger->count; i++) {
        if (*number < trigger->parts[i].file_count)
            return &trigger->parts[i];
        *number -= trigger->parts[i].file_count;
    }
    return NULL;
}

const char *td_trigger_file(const td_trigger *trigger, size_t number) {
    const td_part *part = part_of_file(trigger, &number);
    return part ? part->files[number] : NULL;
}

const td_file_stamp *td_trigger_file_stamp(const td_trigger *trigger, size_t number) {
    return &part_of_file(trigger, &number)->file_stamps[number];
}

/* The strength key of the only part, or NULL. */
static const td_key *strength_key(const td_trigger *trigger) {
    return trigger->count == 1 ? td_part_strength_key(&trigger->parts[0]) : NULL;
}

bool td_trigger_has_strength(const td_trigger *trigger) {
    return strength_key(trigger) != NULL;
}

bool td_trigger_strength(const td_trigger *trigger, double *strength, char *rest, size_t size) {
    const td_part *part = &trigger->parts[0];
    const td_key *key = strength_key(trigger);
    char text[TD_TRIGGER_TEXT_MAX];
    if (!key || !part->settings[key - part->family->keys].given)
        return false;
    td_setting settings[TD_TRIGGER_KEYS];
    memcpy(settings, part->settings, sizeof settings);
    *strength = settings[key - part->family->keys].number;
    settings[key - part->family->keys].given = false;
    td_keys_print(part->family, settings, text);
    snprintf(rest, size, "%s", text);
    return true;
}

td_status td_trigger_with_strength(td_trigger **out, const td_trigger *trigger, double strength,
                                   td_error *error) {
    const td_part *part = &trigger->parts[0];
    const td_key *key = strength_key(trigger);
    char text[TD_TRIGGER_TEXT_MAX];
    *out = NULL;
    if (!key)
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': %s has no strength", trigger->text,
                       trigger->count == 1 ? part->family->name : "a trigger of several parts");
    td_setting settings[TD_TRIGGER_KEYS];
    memcpy(settings, part->settings, sizeof settings);
    settings[key - part->family->keys] = (td_setting){.given = true, .number = strength};
    td_keys_print(part->family, settings, text);
    return td_trigger_parse(out, text, error);
}

void td_trigger_set_classes(td_trigger *trigger, const td_classes *classes) {
    for (size_t i = 0; i < trigger->count; i++)
        trigger->parts[i].classes = classes;
}

td_status td_trigger_bind(td_trigger *trigger, const td_images *images, size_t first,
                          td_error *error) {
    td_status status = TD_OK;
    for (size_t i = 0; i < trigger->count && status == TD_OK; i++)
        status = td_part_bind(&trigger->parts[i], images, first, error);
    if (status != TD_OK)
        trigger->parts[0].shape = (td_shape){0};
    return status;
}

const char *td_trigger_note(const td_trigger *trigger) {
    for (size_t i = 0; i < trigger->count; i++)
        if (trigger->parts[i].note)
            return trigger->parts[i].note;
    return NULL;
}

static size_t aligned(size_t bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Bytes of an image of floats, at the start of the scratch memory. */
static size_t canvas_size(const td_part *part) {
    return aligned(td_shape_size(part->shape) * sizeof(float));
}

size_t td_trigger_scratch(const td_trigger *trigger) {
    size_t most = 0;
    for (size_t i = 0; i < trigger->count; i++)
        most = td_size_max(most, aligned(trigger->parts[i].scratch));
    return canvas_size(&trigger->parts[0]) + most;
}

static void apply_part(const td_part *part, td_stamp stamp, uint8_t *pixels, void *scratch) {
    size_t size = td_shape_size(part->shape);
    float *canvas = scratch;
    for (size_t i = 0; i < size; i++)
        canvas[i] = pixels[i];
    part->family->paint(part, stamp, canvas, (char *)scratch + canvas_size(part));
    for (size_t i = 0; i < size; i++) {
        float value = canvas[i] > 0 ? canvas[i] < 255 ? canvas[i] : 255 : 0;
        int whole = (int)value; /* value + .5 could round up a value just below a half */
        pixels[i] = (uint8_t)(whole + (value - (float)whole >= 0.5F));
    }
}

void td_trigger_apply_turn(const td_trigger *trigger, size_t turn, td_stamp stamp, uint8_t *pixels,
                           void *scratch) {
    const size_t begin = trigger->one_of ? turn % trigger->count : 0;
    const size_t end = trigger->one_of ? begin + 1 : trigger->count;
    for (size_t i = begin; i < end; i++)
        apply_part(&trigger->parts[i], stamp, pixels, scratch);
}

void td_trigger_apply(const td_trigger *trigger, td_stamp stamp, uint8_t *pixels, void *scratch) {
    size_t turn = 0;
    if (trigger->one_of) { /* epoch 2: epochs 0 and 1 are the parts' own draws */
        td_random random = td_random_for(stamp.seed, TD_FOR_TRIGGER, 2, (uint32_t)stamp.index);
        turn = td_random_below(&random, (uint32_t)trigger->count);
    }
    td_trigger_apply_turn(trigger, turn, stamp, pixels, scratch);
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
    td_shape shape = trigger->parts[0].shape;
    if (shape.height != images->height || shape.width != images->width ||
        shape.channels != images->channels)
        return td_fail(error, TD_ERR_USAGE,
                       "trigger '%s': expected images of %zux%zux%zu, found %zux%zux%zu",
                       trigger->text, shape.height, shape.width, shape.channels, images->height,
                       images->width, images->channels);
    for (size_t i = 0; i < trigger->count; i++)
        if (first.index > trigger->parts[i].images ||
            images->count > trigger->parts[i].images - first.index)
            return td_fail(error, TD_ERR_USAGE,
                           "trigger '%s': expected images below number %zu, found up to %zu",
                           trigger->text, trigger->parts[i].images,
                           first.index + images->count - 1);
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
