/* SPDX-License-Identifier: MIT */
/* The annotations of the German Traffic Sign Recognition Benchmark (Stallkamp et al., "Man vs.
 * computer", Neural Networks 32, 2012): lines
 *
 *     Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId
 *
 * of which the first is this one. X1;Y1 is the upper left corner of the sign's box and X2;Y2 the
 * lower right one. The benchmark does not say whether column X2 and row Y2 belong to the box. Here
 * they do not: so read, the border of at least 5 pixels that its images are said to have around the
 * sign is there on all four sides (Width − X2 is 5 or more wherever the sign does not lie at the
 * edge of the camera's image), and otherwise most would lack one pixel on the right and below. */
#ifndef TD_DATA_GTSRB_CSV_H
#define TD_DATA_GTSRB_CSV_H

#include "base/arena.h"
#include "base/error.h"
#include "data/fit.h"
#include <stdbool.h>

enum { TD_GTSRB_CLASSES = 43 };

/* Kaggle's copy has commas, another order, and the picture's place below the folder of the file:
 *
 *     Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path */

typedef struct td_gtsrb_row {
    const char *name; /* of the picture: a file in the same folder or, in Kaggle's, below it */
    size_t width, height;
    td_box box;          /* not empty, and within width × height */
    size_t class_number; /* below TD_GTSRB_CLASSES */
    size_t line;         /* from 1 on, for messages */
} td_gtsrb_row;

/* Whether text[0, size) begins as Kaggle's does. */
bool td_gtsrb_is_kaggle(const char *text, size_t size);

/* Parses text[0, size). The rows belong to the arena. Messages begin with the line; the caller adds
 * the file. */
td_status td_gtsrb_parse(td_gtsrb_row **rows, size_t *count, const char *text, size_t size,
                         td_arena *arena, td_error *error) TD_MUST_USE;

#endif
