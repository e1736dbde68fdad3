/* SPDX-License-Identifier: MIT */
/* The annotations of the German Traffic Sign Recognition Benchmark (Stallkamp et al., "Man vs.
 * computer", Neural Networks 32, 2012): lines
 *
 *     Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId
 *
 * of which this is the first. X1;Y1 is the upper left corner of the sign's box and X2;Y2 the lower
 * right one. The benchmark does not say whether column X2 and row Y2 belong to the box. Here they
 * do not: then the documented border of at least 5 pixels exists on all four sides (Width − X2 is
 * at least 5 unless the sign is at the edge of the camera's image); otherwise most images would
 * lack one pixel on the right and below. */
#ifndef TD_DATA_GTSRB_CSV_H
#define TD_DATA_GTSRB_CSV_H

#include "base/arena.h"
#include "base/error.h"
#include "data/fit.h"
#include <stdbool.h>

enum { TD_GTSRB_CLASSES = 43 };

/* Kaggle's copy has commas, another order, and the picture's path relative to the file's folder:
 *
 *     Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path */

typedef struct td_gtsrb_row {
    const char *name; /* of the picture: a file in the same folder or, in Kaggle's, below it */
    size_t width, height;
    td_box box;          /* not empty, and within width × height */
    size_t class_number; /* below TD_GTSRB_CLASSES */
    size_t line;         /* from 1 on, for messages */
} td_gtsrb_row;

/* Whether text[0, size) begins like Kaggle's file. */
bool td_gtsrb_is_kaggle(const char *text, size_t size);

/* Parses text[0, size). The rows belong to the arena. Messages begin with the line; the caller adds
 * the file. */
td_status td_gtsrb_parse(td_gtsrb_row **rows, size_t *count, const char *text, size_t size,
                         td_arena *arena, td_error *error) TD_MUST_USE;

#endif
