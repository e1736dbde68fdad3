/* SPDX-License-Identifier: MIT */
/* What decides about the bytes of a result, as JSON: work that was interrupted goes on only where
 * it is the same. */
#ifndef TOOLS_FRAME_IDENTITY_H
#define TOOLS_FRAME_IDENTITY_H

#include "base/error.h"
#include "data/images.h"
#include "frame/record.h"
#include "nn/net.h"

/* A new object with what decides about any result: version, BLAS core, seed, all options, and the
 * digest of the net's text. The caller frees it, on failure, too. It is whole where td_json_end
 * says so of `json`, which starts here. */
td_status tool_identity_start(const tool_record *record, const td_net *net, td_json *json,
                              json_t **out, td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE unless both objects have the same keys with the same values; the message begins with
 * "not of this WHAT" and names the first key that differs. */
td_status tool_identity_check(const json_t *config, json_t *found, const char *what,
                              td_error *error) TD_MUST_USE;

/* The same with other words for what may be done about it. */
td_status tool_identity_compare(const json_t *config, json_t *found, const char *what,
                                const char *way, td_error *error) TD_MUST_USE;

/* The digest of memory as a JSON string. */
json_t *tool_digest(td_json *json, const void *data, size_t size);

/* One digest of images and labels, wherever they were read from; null for no images. */
json_t *tool_images_digest(td_json *json, const td_images *images);

#endif
