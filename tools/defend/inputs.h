/* SPDX-License-Identifier: MIT */
/* Inputs that all families of methods open in the same way and record. */
#ifndef TOOLS_DEFEND_INPUTS_H
#define TOOLS_DEFEND_INPUTS_H

#include "data/dataset.h"
#include "frame/run.h"
#include "model/model.h"

/* --model and --net, a group of keys. */
typedef struct defend_model {
    const char *path;
    const char *net; /* the model is a state_dict of this net; NULL: the file has its net */
} defend_model;

extern const td_key defend_model_keys[];

/* Opens the model, whose classes become the run's; a net of the zoo is built for such images. The
 * caller frees *model, on failure too. */
td_status defend_open_model(tool_run *run, const defend_model *from, const td_images *images,
                            td_model *model, td_error *error) TD_MUST_USE;

/* The same for the run's first set, which is matched with the model's classes. */
td_status defend_open_model_for(tool_run *run, const defend_model *from, td_dataset *set,
                                td_model *model, td_error *error) TD_MUST_USE;

/* TD_ERR_USAGE, naming the set, if it is empty or the net takes other images. */
td_status defend_check_shape(const td_dataset *data, const td_net *net,
                             td_error *error) TD_MUST_USE;

/* The same, and also if the set's classes are not the net's. */
td_status defend_check_data(const td_dataset *data, const td_net *net, td_error *error) TD_MUST_USE;

/* The images numbers[count] of a set, as a copy in `arena`. */
td_status defend_gather(const td_images *images, const uint32_t *numbers, size_t count,
                        td_arena *arena, td_images *out, td_error *error) TD_MUST_USE;

#endif
