/* SPDX-License-Identifier: MIT */
/* Internal to lib/trigger: the pictures that a reflection shows, from a file, a folder or the data.
 */
#ifndef TD_TRIGGER_REFLECTION_SOURCE_H
#define TD_TRIGGER_REFLECTION_SOURCE_H

#include "trigger/family.h"

/* The family's first keys, exactly one of which is given. */
enum {
    TD_REFLECTION_FILE,
    TD_REFLECTION_FOLDER,
    TD_REFLECTION_CLASS,
    TD_REFLECTION_SOURCES,
};

typedef struct td_reflection_pictures {
    size_t count, size;
    const uint8_t *pixels; /* [.., size] */
    const uint32_t *which; /* [count] of the pixels; NULL: all of them */
} td_reflection_pictures;

/* Reads the file, or lists the folder. */
td_status td_reflection_prepare(td_part *part, td_error *error) TD_MUST_USE;

/* Converts the pictures to the trigger's shape. */
td_status td_reflection_bind(td_reflection_pictures *out, td_part *part, const td_images *images,
                             td_error *error) TD_MUST_USE;

static inline const uint8_t *td_reflection_picture(const td_reflection_pictures *pictures,
                                                   size_t number) {
    return pictures->pixels + (pictures->which ? pictures->which[number] : number) * pictures->size;
}

#endif
