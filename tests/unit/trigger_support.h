/* SPDX-License-Identifier: MIT */
/* Common code of the tests of triggers. A failure fails the test. */
#ifndef TESTS_UNIT_TRIGGER_SUPPORT_H
#define TESTS_UNIT_TRIGGER_SUPPORT_H

#include "trigger/trigger.h"

td_trigger *trigger_parsed(const char *text);

/* Binds to an empty set of images of this shape. */
td_status trigger_bind(td_trigger *trigger, size_t height, size_t width, size_t channels,
                       td_error *error);

/* Stamps `pixels` [height, width, channels] as image 0 of seed 1. */
void trigger_stamp(const char *text, size_t height, size_t width, size_t channels, uint8_t *pixels);

/* Applies a bound trigger. */
void trigger_apply(const td_trigger *trigger, td_stamp stamp, uint8_t *pixels);

/* Paints on an image of floats, [height, width, channels], without clipping and rounding: a trigger
 * of one part that takes no pictures from the data. */
void trigger_paint(const char *text, td_stamp stamp, td_shape shape, float *image);

/* The parser must refuse each text with TD_ERR_USAGE and a message that contains this part. */
void trigger_assert_refused(const char *const (*cases)[2], size_t count);

/* Writes a PNG into the current folder; returns `name`. */
const char *trigger_png(const char *name, size_t width, size_t height, size_t channels,
                        const uint8_t *pixels);

#endif
