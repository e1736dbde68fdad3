/* SPDX-License-Identifier: MIT */
/* The identity of a result: everything that determines its bytes, as JSON. Interrupted work is
 * resumed only if its identity is the same. */
#ifndef TOOLS_FRAME_IDENTITY_H
#define TOOLS_FRAME_IDENTITY_H

#include "base/error.h"
#include "data/images.h"
#include "frame/record.h"
#include "nn/net.h"

/* A new object with the parts common to all results: version, BLAS core, seed, all options, and the
 * digest of the net's text. The caller frees it, on failure too. It is complete if td_json_end
 * reports no failure of `json`, which starts here. */
td_status tool_identity_start(const tool_record *record, const td_net *net, td_json *json,
                              json_t **out, td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE unless both objects have the same keys and values; the message begins with "not of
 * this WHAT" and names the first key that differs. */
td_status tool_identity_check(const json_t *config, json_t *found, const char *what,
                              td_error *error) TD_MUST_USE;

/* The same with another remedy in the message. */
td_status tool_identity_compare(const json_t *config, json_t *found, const char *what,
                                const char *way, td_error *error) TD_MUST_USE;

/* The digest of memory as a JSON string. */
json_t *tool_digest(td_json *json, const void *data, size_t size);

/* One digest of images and labels, whatever file they came from. */
td_digest tool_images_sha256(const td_images *images);

/* The same as a JSON string; null if there are no images. */
json_t *tool_images_digest(td_json *json, const td_images *images);

#endif
