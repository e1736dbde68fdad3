/* Inside lib/trigger: what a trigger family is, and what the parser hands it. A family is one const
 * struct in its own file, listed in trigger.c. */
#ifndef TD_TRIGGER_FAMILY_H
#define TD_TRIGGER_FAMILY_H

#include "data/bitmap.h"
#include "trigger/trigger.h"
#include <stdbool.h>

enum {
    TD_TRIGGER_KEYS = 12,       /* most keys of one family */
    TD_TRIGGER_EXTENT = 16384,  /* no patch is larger, no X or Y beyond it */
    TD_TRIGGER_TEXT_MAX = 4096, /* longest text of a trigger */
};

typedef enum td_anchor {
    TD_AT_TOP_LEFT,
    TD_AT_TOP_RIGHT,
    TD_AT_BOTTOM_LEFT,
    TD_AT_BOTTOM_RIGHT,
    TD_AT_CENTER,
    TD_AT_POINT,
} td_anchor;

/* Where a patch lies. x is the column and y the row of its top-left pixel, for TD_AT_POINT. */
typedef struct td_position {
    td_anchor anchor;
    size_t x, y;
} td_position;

/* A pixel value, or one a channel. `grey` when the three are the same: fit for grey images, too. */
typedef struct td_colour {
    uint8_t rgb[3];
    bool grey;
} td_colour;

typedef enum td_key_kind {
    TD_KEY_NUMBER,
    TD_KEY_POSITION,
    TD_KEY_COLOUR,
    TD_KEY_FILE,
    TD_KEY_WORD,
    TD_KEY_SHIFT,
} td_key_kind;

typedef struct td_key {
    const char *name;
    td_key_kind kind;
    const char *standard;     /* the default, as text; NULL: none */
    bool optional;            /* may be missing without a default; not printed at its default */
    double least, most;       /* of a number */
    bool above;               /* a number above `least`, not at it */
    bool whole;               /* a number without a fraction */
    const char *const *words; /* of a TD_KEY_WORD, NULL-terminated */
    const char *expected;     /* of a TD_KEY_FILE, for messages */
} td_key;

/* A key's value, by its kind. */
typedef struct td_setting {
    bool given; /* has a value, be it the default */
    union {
        double number;
        td_position position;
        td_colour colour;
        const char *text; /* of a TD_KEY_FILE */
        size_t word;
        struct {
            size_t x, y;
        } shift;
    };
} td_setting;

/* The images that a trigger is applied to. */
typedef struct td_shape {
    size_t height, width, channels;
} td_shape;

typedef struct td_family {
    const char *name;
    const td_key *keys;
    size_t key_count;
    const char *strength; /* the name of the key that says how strong it is; NULL: none */
    /* Checks the settings together and reads what they name; NULL where there is nothing to do. */
    td_status (*prepare)(td_trigger *trigger, td_error *error);
    /* TD_ERR_USAGE unless the trigger fits images of trigger->shape. Sets trigger->bound, allocated
     * in trigger->bound_arena, to whatever `paint` needs, and trigger->scratch where `paint` needs
     * any. */
    td_status (*bind)(td_trigger *trigger, const td_images *images, td_error *error);
    /* Paints on an image of the shape, of values 0–255, which may leave that range: the caller
     * clips and rounds. `scratch`: trigger->scratch bytes, aligned to 64. Runs in many threads. */
    void (*paint)(const td_trigger *trigger, td_stamp stamp, float *image, void *scratch);
} td_family;

struct td_trigger {
    const td_family *family;
    td_setting settings[TD_TRIGGER_KEYS]; /* in the order of the family's keys */
    const char *text;                     /* canonical */
    const char **files;                   /* [file_count], read or to be read */
    size_t file_count;
    td_bitmap bitmap; /* of a family that reads one picture */
    td_arena arena;   /* owns the texts */
    /* Set by td_trigger_bind. */
    td_shape shape; /* height 0: not bound */
    void *bound;
    size_t scratch;
    const char *note;
    td_arena bound_arena;
};

extern const td_family td_family_square, td_family_triangle, td_family_rhombus, td_family_pixel,
    td_family_image, td_family_ramp, td_family_triangle_wave, td_family_sine, td_family_blend,
    td_family_reflection;

/* Fields of td_key for a share in (0, 1]. */
#define TD_KEY_ALPHA .name = "alpha", .kind = TD_KEY_NUMBER, .most = 1, .above = true

/* Reads the settings from "key=value,..." (NULL: all by default). `whole` is the trigger's text,
 * for messages. */
td_status td_keys_parse(td_trigger *trigger, const char *text, const char *whole,
                        td_error *error) TD_MUST_USE;

/* The canonical text of a family with its settings, into out[TD_TRIGGER_TEXT_MAX]. */
void td_keys_print(const td_family *family, const td_setting *settings, char *out);

/* TD_ERR_USAGE where the keys `first` and those after it, `count` in all, are not given exactly
 * once together. */
td_status td_keys_one_of(const td_trigger *trigger, size_t first, size_t count,
                         td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE where the key is given (and not at its default) but `fits` does not hold; `with`
 * says what it goes with: "type=blur". */
td_status td_keys_goes_with(const td_trigger *trigger, size_t key, bool fits, const char *with,
                            td_error *error) TD_MUST_USE;

/* The row and column of the top-left pixel of a patch. TD_ERR_USAGE unless all of it lies within
 * the image. */
td_status td_position_resolve(const td_position *position, size_t patch_height, size_t patch_width,
                              td_shape shape, size_t *top, size_t *left,
                              td_error *error) TD_MUST_USE;

/* Adds a copy of `path` to trigger->files. */
td_status td_trigger_add_file(td_trigger *trigger, const char *path, td_error *error) TD_MUST_USE;

/* Sets trigger->note, of a bound trigger. */
td_status td_trigger_set_note(td_trigger *trigger, td_error *error, const char *format,
                              ...) TD_MUST_USE TD_PRINTF(3, 4);

/* Whether a picture is of the shape already, and words for a note if it is not: "F.png: 4x3 in RGB
 * is made to fit the images, 28x28 in grey". */
bool td_trigger_fits(const td_bitmap *bitmap, td_shape shape);
td_status td_trigger_note_fit(td_trigger *trigger, const char *file, const td_bitmap *bitmap,
                              td_error *error) TD_MUST_USE;

/* `out` [height, width, channels] becomes the picture, in the shape of the images: resized by a
 * bilinear filter, grey from RGB as luma. */
td_status td_trigger_fit(const td_bitmap *bitmap, td_shape shape, uint8_t *out,
                         td_error *error) TD_MUST_USE;

static inline size_t td_shape_size(td_shape shape) {
    return shape.height * shape.width * shape.channels;
}

#endif
