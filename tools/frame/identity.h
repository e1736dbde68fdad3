/* What decides about the bytes of a result, as JSON: work that was interrupted goes on only where
 * it is the same. */
#ifndef TOOLS_FRAME_IDENTITY_H
#define TOOLS_FRAME_IDENTITY_H

#include "base/error.h"
#include "data/images.h"
#include <jansson.h>

/* TD_ERR_USAGE unless both objects have the same keys with the same values; the message begins with
 * "not of this WHAT" and names the first key that differs. */
td_status tool_identity_check(const json_t *config, json_t *found, const char *what,
                              td_error *error) TD_MUST_USE;

/* The same with other words for what may be done about it. */
td_status tool_identity_compare(const json_t *config, json_t *found, const char *what,
                                const char *way, td_error *error) TD_MUST_USE;

/* The digest of memory as a JSON string; NULL when out of memory. */
json_t *tool_digest(const void *data, size_t size);

/* One digest of images and labels, wherever they were read from; null for no images. */
json_t *tool_images_digest(const td_images *images);

#endif
