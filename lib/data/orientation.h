/* SPDX-License-Identifier: MIT */
/* The orientation of a picture. A camera stores the rows and columns of its sensor; EXIF (JEITA
 * CP-3451, tag 0x0112) says how they lie in the scene:
 *
 *     1 as stored           5 transposed: columns become rows
 *     2 mirrored            6 turn clockwise by 90 degrees to be upright
 *     3 turned by 180       7 transposed along the other diagonal
 *     4 upside down         8 turn anticlockwise by 90 degrees */
#ifndef TD_DATA_ORIENTATION_H
#define TD_DATA_ORIENTATION_H

#include "base/error.h"
#include "data/bitmap.h"

enum { TD_UPRIGHT = 1, TD_TRANSPOSED = 5, TD_ORIENTATIONS = 8 };

/* The orientation in a block of EXIF data, with or without the "Exif\0\0" before it, read by
 * libexif; 0 if there is none that can be read. Only TD_ERR_MEMORY. */
td_status td_orientation_read(unsigned *out, const uint8_t *exif, size_t size,
                              td_error *error) TD_MUST_USE;

/* Turns the picture upright from `orientation`, 1 to 8 (0: already upright); 5 to 8 swap width and
 * height. On failure the picture is unchanged. */
td_status td_orientation_apply(td_bitmap *bitmap, unsigned orientation,
                               td_error *error) TD_MUST_USE;

#endif
