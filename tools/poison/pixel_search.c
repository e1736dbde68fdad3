/* SPDX-License-Identifier: MIT */
/* pixel:at=auto,value=auto: the pixel trigger least similar to clean images.
 *
 * The one-pixel paper (Wang et al.) gives neither the position nor the colour of its pixel. A
 * network learns a trigger best if no clean image shows it, and then mistakes no clean image for a
 * triggered one. So the pixel is searched for in DATA, among all places and the corners of the RGB
 * cube (0 and 255 for grey images): the fewest images whose pixel at this place is near the colour,
 * that is, within 32 levels in every channel; among equals the largest mean squared distance of the
 * images' pixels there from the colour; then the first row, the first column, and the brightest
 * colour, red before green before blue. The trigger's alpha is ignored.
 *
 * Triggers are found in the order of the command line. A searched position is at least one pixel
 * away from all pixel triggers known by then: given ones and those found earlier. */
#include "poison.h"

#include "base/parallel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3, LEVELS = 256, CORNERS = 8, NEAR = 32, PLACES_PER_CHUNK = 64 };

/* Removes the "auto" keys from `text`; the others go to `rest`, which is as large as `text`. False
 * if a key is given both with a value and as "auto". */
static bool cut_auto(const char *text, poison_search *search, char *rest) {
    bool at = false, value = false;
    size_t used = strcspn(text, ":");
    memcpy(rest, text, used);
    for (const char *item = text + used, *end; *item; item = end) {
        end = item + 1 + strcspn(item + 1, ",");
        size_t length = (size_t)(end - item) - 1;
        bool *found = length == 7 && strncmp(item + 1, "at=auto", 7) == 0        ? &search->at
                      : length == 10 && strncmp(item + 1, "value=auto", 10) == 0 ? &search->value
                                                                                 : NULL;
        if (found && *found)
            return false;
        if (found) {
            *found = true;
            continue;
        }
        at = at || strncmp(item + 1, "at=", 3) == 0;
        value = value || strncmp(item + 1, "value=", 6) == 0;
        memcpy(rest + used, item, length + 1);
        rest[strcspn(text, ":")] = ':';
        used += length + 1;
    }
    rest[used] = '\0';
    bool fits = !(search->at && at) && !(search->value && value);
    if (search->at && !value)
        search->value = true;
    return fits;
}

td_status poison_search_read(poison_plan *plan, size_t number, td_error *error) {
    static const char family[] = "pixel:";
    const char *text = plan->settings->triggers.texts[number];
    poison_search *search = &plan->searches[number];
    char *rest;
    if (strncmp(text, family, sizeof family - 1) != 0)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&plan->arena, strlen(text) + 1, &rest, "a trigger", error));
    if (!cut_auto(text, search, rest))
        return td_fail(error, TD_ERR_USAGE, "trigger '%.200s': a key is given twice", text);
    return search->at || search->value ? td_trigger_parse(&plan->triggers[number], rest, error)
                                       : TD_OK;
}

/* Statistics of the data at every position, for some colours. */
typedef struct pixel_survey {
    const td_images *images;
    uint8_t colours[CORNERS][CHANNELS];
    size_t colour_count;
    uint8_t near[CHANNELS][LEVELS]; /* for a value: the set of colours that it is near, as bits */
    uint64_t *images_near;          /* [places, CORNERS] */
    uint64_t *sums, *squares;       /* [places, CHANNELS] */
} pixel_survey;

/* The corners of the RGB cube, or the ends of the grey scale, the brightest first. */
static void list_corners(pixel_survey *survey) {
    if (survey->images->channels == 1) {
        memset(survey->colours[0], 255, CHANNELS);
        memset(survey->colours[1], 0, CHANNELS);
        survey->colour_count = 2;
        return;
    }
    static const uint8_t order[CORNERS] = {7, 6, 5, 3, 4, 2, 1, 0}; /* bits: red, green, blue */
    for (size_t i = 0; i < CORNERS; i++)
        for (size_t c = 0; c < CHANNELS; c++)
            survey->colours[i][c] = order[i] >> (CHANNELS - 1 - c) & 1 ? 255 : 0;
    survey->colour_count = CORNERS;
}

/* The images share one histogram of colour sets per position, so that the cost of a pixel does not
 * depend on the number of colours. */
static void survey_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    pixel_survey *survey = context;
    const td_images *images = survey->images;
    size_t channels = images->channels;
    uint32_t histogram[PLACES_PER_CHUNK][LEVELS] = {0};
    (void)chunk;
    (void)thread;
    for (size_t i = 0; i < images->count; i++) {
        const uint8_t *pixel = td_image(images, i) + begin * channels;
        for (size_t place = begin; place < end; place++, pixel += channels) {
            unsigned set = UINT8_MAX;
            for (size_t c = 0; c < channels; c++) {
                uint32_t value = pixel[c];
                set &= survey->near[c][value];
                survey->sums[place * CHANNELS + c] += value;
                survey->squares[place * CHANNELS + c] += value * value;
            }
            histogram[place - begin][set]++;
        }
    }
    for (size_t place = begin; place < end; place++)
        for (size_t colour = 0; colour < survey->colour_count; colour++)
            for (size_t set = 0; set < LEVELS; set++)
                if (set >> colour & 1)
                    survey->images_near[place * CORNERS + colour] += histogram[place - begin][set];
}

/* Fills in nearness, and passes over the data once. */
static void make_survey(pixel_survey *survey) {
    const td_images *images = survey->images;
    size_t places = images->height * images->width;
    memset(survey->near, 0, sizeof survey->near);
    for (size_t c = 0; c < images->channels; c++)
        for (int value = 0; value < LEVELS; value++)
            for (size_t i = 0; i < survey->colour_count; i++)
                if (abs(value - survey->colours[i][c]) <= NEAR)
                    survey->near[c][value] |= (uint8_t)(1U << i);
    memset(survey->images_near, 0, places * CORNERS * sizeof *survey->images_near);
    memset(survey->sums, 0, places * CHANNELS * sizeof *survey->sums);
    memset(survey->squares, 0, places * CHANNELS * sizeof *survey->squares);
    td_parallel_for(places, PLACES_PER_CHUNK, survey_chunk, survey);
}

/* The sum over all images of the squared distance of their pixel at `place` from a colour. */
static uint64_t squared_distance(const pixel_survey *survey, size_t place, const uint8_t *colour) {
    uint64_t total = 0, count = survey->images->count;
    for (size_t c = 0; c < survey->images->channels; c++) {
        uint64_t value = colour[c], at = place * CHANNELS + c;
        total += survey->squares[at] + count * value * value - 2 * value * survey->sums[at];
    }
    return total;
}

/* The state of a run: known pixels come first in `known`. */
typedef struct search_run {
    poison_plan *plan;
    pixel_survey survey;
    bool surveyed; /* the corners */
    poison_search *known[POISON_BACKDOORS];
    size_t known_count;
    td_arena arena;
} search_run;

/* Whether a search may choose this position. */
static bool is_free(const search_run *run, const poison_search *search, size_t place,
                    const uint8_t *colour) {
    long width = (long)run->survey.images->width;
    for (size_t i = 0; i < run->known_count; i++) {
        const poison_search *other = run->known[i];
        long down = labs((long)place / width - (long)other->place / width);
        long right = labs((long)place % width - (long)other->place % width);
        if (search->at && down < 2 && right < 2)
            return false;
        if (place == other->place && memcmp(colour, other->rgb, CHANNELS) == 0)
            return false;
    }
    return true;
}

/* The best of all positions, or the best colour at the given one. */
static bool choose(const search_run *run, poison_search *search) {
    const pixel_survey *survey = &run->survey;
    size_t begin = search->at ? 0 : search->place;
    size_t end = search->at ? survey->images->height * survey->images->width : begin + 1;
    uint64_t fewest = UINT64_MAX, farthest = 0;
    for (size_t place = begin; place < end; place++)
        for (size_t i = 0; i < survey->colour_count; i++) {
            const uint8_t *colour = survey->colours[i];
            uint64_t near = survey->images_near[place * CORNERS + i];
            uint64_t distance = squared_distance(survey, place, colour);
            bool better = near < fewest || (near == fewest && distance > farthest);
            if (!better || !is_free(run, search, place, colour))
                continue;
            fewest = near;
            farthest = distance;
            search->place = place;
            memcpy(search->rgb, colour, CHANNELS);
        }
    search->images_near = (size_t)fewest;
    search->mean_squared = (double)farthest / (double)survey->images->count;
    return fewest != UINT64_MAX;
}

/* The length of a pixel trigger's canonical text before the keys after "at" and "value". */
static size_t core_length(const char *text) {
    size_t first = strcspn(text, ",");
    return text[first] ? first + 1 + strcspn(text + first + 1, ",") : first;
}

/* The position and colour of an opaque pixel trigger, from its effect on a black and a white image.
 */
static td_status look_at(search_run *run, td_trigger *trigger, poison_search *out,
                         td_error *error) {
    td_images trial = *run->survey.images, marked;
    size_t size = td_image_size(&trial), place = 0;
    uint8_t *pixels;
    TD_TRY(td_trigger_bind(trigger, &trial, 0, error));
    TD_TRY(td_arena_alloc(&run->arena, 2, size, (void **)&pixels, "a pixel", error));
    memset(pixels + size, UINT8_MAX, size);
    trial.count = 2;
    trial.pixels = pixels;
    TD_TRY(td_trigger_stamp(trigger, &trial, (td_stamp){0}, &run->arena, &marked, error));
    while (marked.pixels[place] == 0 && marked.pixels[size + place] == UINT8_MAX)
        place++;
    out->place = place / trial.channels;
    for (size_t c = 0; c < CHANNELS; c++)
        out->rgb[c] = marked.pixels[out->place * trial.channels + c % trial.channels];
    return TD_OK;
}

/* The same for any opacity, from its text. */
static td_status look_at_text(search_run *run, const char *text, poison_search *out,
                              td_error *error) {
    char *core;
    td_trigger *trigger;
    TD_TRY(td_arena_text(&run->arena, text, core_length(text), &core, error));
    TD_TRY(td_trigger_parse(&trigger, core, error));
    td_status status = look_at(run, trigger, out, error);
    td_trigger_free(trigger);
    return status;
}

/* Surveys the colours of one search: the corners, only once, or the given colour. */
static void survey_for(search_run *run, const poison_search *search) {
    if (search->value && run->surveyed)
        return;
    run->surveyed = search->value;
    if (search->value)
        list_corners(&run->survey);
    else
        memcpy(run->survey.colours[run->survey.colour_count = 0], search->rgb, CHANNELS);
    if (!search->value)
        run->survey.colour_count = 1;
    make_survey(&run->survey);
}

static td_status find(search_run *run, size_t number, td_error *error) {
    poison_plan *plan = run->plan;
    poison_search *search = &plan->searches[number];
    size_t width = run->survey.images->width;
    survey_for(run, search);
    if (!choose(run, search))
        return td_fail(error, TD_ERR_USAGE, "trigger '%s': expected a free pixel, %s, found none",
                       plan->settings->triggers.texts[number],
                       search->at ? "not beside another pixel trigger" : "in another colour");
    run->known[run->known_count++] = search;
    const char *old = td_trigger_text(plan->triggers[number]);
    char text[256];
    size_t used = (size_t)snprintf(text, sizeof text, "pixel:at=%zu+%zu,value=%d",
                                   search->place % width, search->place / width, search->rgb[0]);
    if (run->survey.images->channels == CHANNELS)
        used += (size_t)snprintf(text + used, sizeof text - used, "/%d/%d", search->rgb[1],
                                 search->rgb[2]);
    snprintf(text + used, sizeof text - used, "%s", old + core_length(old));
    td_trigger_free(plan->triggers[number]);
    TD_TRY(td_trigger_parse(&plan->triggers[number], text, error));
    return td_trigger_bind(plan->triggers[number], run->survey.images, 0, error);
}

static td_status run_searches(search_run *run, td_error *error) {
    poison_plan *plan = run->plan;
    const td_images *images = run->survey.images;
    size_t places = images->height * images->width;
    static const char what[] = "the search for a pixel";
    TD_TRY(TD_ARENA_NEW(&run->arena, places * CORNERS, &run->survey.images_near, what, error));
    TD_TRY(TD_ARENA_NEW(&run->arena, places * CHANNELS, &run->survey.sums, what, error));
    TD_TRY(TD_ARENA_NEW(&run->arena, places * CHANNELS, &run->survey.squares, what, error));
    for (size_t i = 0; i < plan->settings->triggers.count; i++) {
        poison_search *search = &plan->searches[i];
        if (strncmp(td_trigger_text(plan->triggers[i]), "pixel:", 6) != 0)
            continue;
        TD_TRY(look_at_text(run, td_trigger_text(plan->triggers[i]), search, error));
        if (!search->at && !search->value)
            run->known[run->known_count++] = search;
    }
    for (size_t i = 0; i < plan->settings->triggers.count; i++)
        if (plan->searches[i].at || plan->searches[i].value)
            TD_TRY(find(run, i, error));
    return TD_OK;
}

td_status poison_search_run(poison_plan *plan, td_error *error) {
    bool any = false;
    for (size_t i = 0; i < plan->settings->triggers.count; i++)
        any = any || plan->searches[i].at || plan->searches[i].value;
    if (!any)
        return TD_OK;
    search_run run = {.plan = plan, .survey = {.images = &plan->source.images}};
    td_status status = run_searches(&run, error);
    td_arena_free(&run.arena);
    return status;
}
