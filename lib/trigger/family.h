/* SPDX-License-Identifier: MIT */
/* Internal to lib/trigger: a trigger family, and the parsed part that it gets. A family is one
 * const struct in its own file, listed in part.c. A part is a family with its settings; a trigger
 * is one part, or several joined (trigger.c). */
#ifndef TD_TRIGGER_FAMILY_H
#define TD_TRIGGER_FAMILY_H

#include "data/bitmap.h"
#include "data/npy.h"
#include "trigger/trigger.h"
#include <stdbool.h>

enum {
    TD_TRIGGER_KEYS = 12,       /* most keys of one family */
    TD_TRIGGER_TEXT_MAX = 4096, /* longest text of a part */
};

typedef struct td_part td_part;

typedef struct td_family {
    const char *name;
    const char *doc;      /* its effect on an image; a sentence without a full stop */
    const td_key *keys;   /* at most TD_TRIGGER_KEYS, then a row without a name */
    const char *strength; /* the name of the key for its strength; NULL: none */
    /* Checks the settings together and reads files; NULL if there is nothing to do. */
    td_status (*prepare)(td_part *part, td_error *error);
    /* TD_ERR_USAGE unless the part fits images of part->shape. Sets part->bound, allocated in
     * part->bound_arena, to the data that `paint` needs, part->scratch if `paint` needs scratch,
     * and part->images if it cannot stamp all images. */
    td_status (*bind)(td_part *part, const td_images *images, td_error *error);
    /* Paints on an image of the shape, with values 0–255, which may leave that range: the caller
     * clips and rounds. `scratch`: part->scratch bytes, aligned to 64. Called from several threads.
     */
    void (*paint)(const td_part *part, td_stamp stamp, float *image, void *scratch);
} td_family;

struct td_part {
    const td_family *family;
    td_setting settings[TD_TRIGGER_KEYS]; /* in the order of the family's keys */
    const char *text;                     /* canonical */
    const char **files;                   /* [file_count], whether read yet or not */
    td_file_stamp *file_stamps;           /* [file_count] */
    size_t file_count;
    td_bitmap bitmap;          /* of a family that reads one picture */
    td_npy array;              /* of a family that reads one array */
    td_arena arena;            /* owns the texts */
    const td_classes *classes; /* td_trigger_set_classes; or NULL */
    /* Set by td_part_bind. */
    td_shape shape; /* height 0: not bound */
    size_t first;   /* index of the first bound image within its whole split */
    size_t images;  /* only images of the split below this number can be stamped; SIZE_MAX: all */
    void *bound;
    size_t scratch;
    const char *note;
    td_arena bound_arena;
};

/* The families, in the table's order; NULL from their count on. */
const td_family *td_part_family(size_t number);

/* The family named by the first `length` characters of the text, or NULL. */
const td_family *td_part_family_named(const char *text, size_t length);

/* Parses FAMILY[:key=value,...] and reads its files. `part` is zeroed; call td_part_free on success
 * and failure. */
td_status td_part_parse(td_part *part, const char *text, td_error *error) TD_MUST_USE;

void td_part_free(td_part *part);

/* As td_trigger_bind. */
td_status td_part_bind(td_part *part, const td_images *images, size_t first,
                       td_error *error) TD_MUST_USE;

/* The key for the strength, or NULL. */
const td_key *td_part_strength_key(const td_part *part);

/* Fields of td_key that families share. */
#define TD_KEY_ALPHA .name = "alpha", .kind = TD_KEY_REAL, .most = 1, .above = true
#define TD_KEY_AT                                                                                  \
    .name = "at", .kind = TD_KEY_POSITION, .standard = "top-left", .help = "Its position"
#define TD_KEY_PICTURE                                                                             \
    .name = "file", .kind = TD_KEY_TEXT, .value = "FILE", .expected = "the name of a picture file"

/* Parses the settings "key=value,..." (NULL: all defaults), and checks that dependent keys are
 * given only with the keys they need. `whole` is the trigger's text, for messages. */
td_status td_keys_parse(td_part *part, const char *text, const char *whole,
                        td_error *error) TD_MUST_USE;

/* The canonical text of a family with its settings, into out[TD_TRIGGER_TEXT_MAX]. */
void td_keys_print(const td_family *family, const td_setting *settings, char *out);

/* TD_ERR_USAGE unless exactly one of the `count` keys from `first` on is given, once. */
td_status td_keys_one_of(const td_part *part, size_t first, size_t count,
                         td_error *error) TD_MUST_USE;

/* Adds a copy of `path`, and the file's stamp, to part->files. Call it before reading the file. */
td_status td_part_add_file(td_part *part, const char *path, td_error *error) TD_MUST_USE;

/* Sets the note of a bound trigger. */
td_status td_part_set_note(td_part *part, td_error *error, const char *format, ...) TD_MUST_USE
    TD_PRINTF(3, 4);

/* Whether a picture already has the shape; if not, a phrase for a note: "F.png: 4x3 in RGB is made
 * to fit the images, 28x28 in grey". */
bool td_part_fits(const td_bitmap *bitmap, td_shape shape);
td_status td_part_note_fit(td_part *part, const char *file, const td_bitmap *bitmap,
                           td_error *error) TD_MUST_USE;

/* Converts the picture into `out` [height, width, channels]: bilinear resize, grey from RGB as
 * luma. */
td_status td_part_fit(const td_bitmap *bitmap, td_shape shape, uint8_t *out,
                      td_error *error) TD_MUST_USE;

#endif
