/* SPDX-License-Identifier: MIT */
/* --net NET, the name of a net of the zoo or a file with a net text; and --model MODEL, with or
 * without it. */
#ifndef TOOLS_FRAME_NET_SOURCE_H
#define TOOLS_FRAME_NET_SOURCE_H

#include "data/images.h"
#include "frame/run.h"
#include "model/model.h"

/* Builds the net for the image shape and classes of `images`; NULL: those in its text. Messages
 * name the file. */
td_status tool_net_open(td_net *net, const char *name, const td_images *images,
                        td_error *error) TD_MUST_USE;

/* Opens the model at `path`, records it as an input and prints notes about its conversion: with its
 * own net or, if `net` is not NULL, as the weights of that net for such images. `images` may be
 * NULL: sizes are taken from the text or inferred from the weights. The caller frees the model, on
 * failure too. */
td_status tool_run_open_model(tool_run *run, const char *path, const char *net,
                              const td_images *images, td_model *model,
                              td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE for a model with fewer than two classes. */
td_status tool_model_check_classes(const td_model *model, const char *path,
                                   td_error *error) TD_MUST_USE;

#endif
