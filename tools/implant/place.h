/* Where a trigger stands in a model's images. */
#ifndef TOOLS_IMPLANT_PLACE_H
#define TOOLS_IMPLANT_PLACE_H

#include "nn/net.h"

/* The top-left pixel of a square of `side` pixels at `at`, which is read, and refused, as in a
 * TRIGGER. TD_ERR_FORMAT, which names the model's file, if its images are smaller than the square
 * or have neither 1 nor 3 channels. */
td_status implant_place(const char *model, td_shape shape, size_t side, const char *at, size_t *top,
                        size_t *left, td_error *error) TD_MUST_USE;

#endif
