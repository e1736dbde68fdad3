/* SPDX-License-Identifier: MIT */
/* Internal to lib/trigger: the optics of reflections (Liu et al. 2020, section 3; the blur is that
 * of Fan et al., "A generic deep architecture for single image reflection removal and image
 * smoothing", 2017). All values are linear in light, in [0, 1]. With T the scene (the image), R the
 * picture and a the reflection's weight alpha, the result is
 *
 *   focus  T + aR: reflection and scene are in the same focal plane
 *   ghost  (1 − a)T + a(bR(y, x) + (1 − b)R(y − dy, x − dx)): a thick pane reflects twice; b is the
 *          balance, and the picture's border continues beyond it
 *   blur   (1 − a)T + (1 + a)/2 · G·B: the reflection is out of focus. B is R blurred by sigma;
 *          from each of its channels 1.1·(m − 1) is subtracted, m being the mean of T + B where
 *          that exceeds 1, and the result is clipped to [0, 1]. G = exp(−(u² + v²)/4), with u and v
 *          from −3 to 3 across the image */
#ifndef TD_TRIGGER_REFLECTION_LAYERS_H
#define TD_TRIGGER_REFLECTION_LAYERS_H

#include "trigger/family.h"

typedef enum td_reflection_type {
    TD_REFLECTION_FOCUS,
    TD_REFLECTION_BLUR,
    TD_REFLECTION_GHOST,
} td_reflection_type;

/* The parameters of a reflection: all that can be drawn. */
typedef struct td_reflection {
    td_reflection_type type;
    size_t picture; /* its index */
    float alpha;
    size_t shift_x, shift_y; /* ghost */
    float balance;           /* ghost */
    float sigma;             /* blur */
} td_reflection;

enum {
    TD_REFLECTION_RADIUS = 100
}; /* largest radius of the blur in pixels; sigma is at most half of it */

/* Floats of scratch memory for td_reflection_layer. */
size_t td_reflection_scratch(td_shape shape);

/* The light that the reflection adds, into layer [height, width, channels]. */
void td_reflection_layer(const td_reflection *reflection, td_shape shape, const float *scene,
                         const float *picture, float *layer, float *scratch);

/* The share of the scene's own light that remains. */
float td_reflection_rest(const td_reflection *reflection);

#endif
