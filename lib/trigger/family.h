/* Inside lib/trigger: what a trigger family is, and what the parser hands it. A family is one const
 * struct in its own file, listed in trigger.c. */
#ifndef TD_TRIGGER_FAMILY_H
#define TD_TRIGGER_FAMILY_H

#include "data/png.h"
#include "trigger/trigger.h"
#include <stdbool.h>

enum {
    TD_TRIGGER_KEYS = 8,        /* most keys of one family */
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

typedef enum td_key_kind { TD_KEY_NUMBER, TD_KEY_POSITION, TD_KEY_COLOUR, TD_KEY_FILE } td_key_kind;

typedef struct td_key {
    const char *name;
    td_key_kind kind;
    const char *standard; /* the default, as text; NULL where the key must be given */
    double least, most;   /* of a number */
    bool whole;           /* a number without a fraction */
} td_key;

/* A key's value, by its kind. */
typedef union td_setting {
    double number;
    td_position position;
    td_colour colour;
    const char *file;
} td_setting;

/* The images that a trigger is applied to. */
typedef struct td_shape {
    size_t height, width, channels;
} td_shape;

typedef struct td_family {
    const char *name;
    const td_key *keys;
    size_t key_count;
    /* Reads what the settings name; NULL where there is nothing to read. */
    td_status (*prepare)(td_trigger *trigger, td_error *error);
    /* TD_ERR_USAGE unless the trigger fits images of this shape. */
    td_status (*check)(const td_trigger *trigger, td_shape shape, td_error *error);
    /* Paints on an image [height, width, channels] of values 0–255, which may leave that range: the
     * caller clips and rounds. */
    void (*paint)(const td_trigger *trigger, td_shape shape, float *image);
} td_family;

struct td_trigger {
    const td_family *family;
    td_setting settings[TD_TRIGGER_KEYS]; /* in the order of the family's keys */
    const char *text;                     /* canonical */
    td_bitmap bitmap;                     /* of a family that reads a picture */
    td_arena arena;                       /* owns the texts */
};

extern const td_family td_family_square, td_family_triangle, td_family_rhombus, td_family_pixel,
    td_family_image;

/* Reads the settings from "key=value,..." (NULL: all by default) and appends their canonical text
 * to `canonical`, which holds TD_TRIGGER_TEXT_MAX bytes. `whole` is the trigger's text, for
 * messages. */
td_status td_keys_parse(td_trigger *trigger, const char *text, const char *whole, char *canonical,
                        td_error *error) TD_MUST_USE;

/* The row and column of the top-left pixel of a patch. TD_ERR_USAGE unless all of it lies within
 * the image. */
td_status td_position_resolve(const td_position *position, size_t patch_height, size_t patch_width,
                              td_shape shape, size_t *top, size_t *left,
                              td_error *error) TD_MUST_USE;

#endif
