/* SPDX-License-Identifier: MIT */
/* The classes of a run: those of its model if it names them, otherwise those of the first set that
 * it opens. They resolve the user's class names, the labels of other sets are converted to them,
 * and tables print their names. The first set may be opened before the model, whose net may be one
 * of the zoo, built for the set's image size. */
#ifndef TOOLS_FRAME_CLASSES_H
#define TOOLS_FRAME_CLASSES_H

#include "frame/run.h"
#include "model/model.h"

/* Matches a set with the run's classes (td_dataset_match), or makes its classes the run's; if
 * labels changed, adds a note and the record's field `classes_matched`. */
td_status tool_run_match(tool_run *run, td_dataset *set, td_error *error) TD_MUST_USE;

/* Makes the classes of the model at `path` the run's. One set opened before is matched again; if
 * the model does not name its classes, they get the names of the first set with names. */
td_status tool_run_model_classes(tool_run *run, const td_model *model, const char *path,
                                 td_error *error) TD_MUST_USE;

/* For another model on the same sets: TD_ERR_USAGE if its class names differ from the run's, or are
 * in another order. */
td_status tool_run_same_classes(const tool_run *run, const td_model *model, const char *path,
                                td_error *error) TD_MUST_USE;

/* The names that --class-names gives to `count` classes: from a file, one per line, or if there is
 * no such file from a comma-separated list; in the run's arena. TD_ERR_USAGE unless there are
 * exactly `count` different names. */
td_status tool_run_class_names(tool_run *run, const char *text, size_t count, const char ***names,
                               td_error *error) TD_MUST_USE;

/* Resolves an option's text to a class of the run. TD_ERR_USAGE. */
td_status tool_run_class(const tool_run *run, const char *option, const char *text, size_t *out,
                         td_error *error) TD_MUST_USE;

/* Resolves a comma-separated list of distinct classes to out[count] in the run's arena; NULL means
 * all classes. TD_ERR_USAGE. */
td_status tool_run_class_list(tool_run *run, const char *option, const char *list, size_t **out,
                              size_t *count, td_error *error) TD_MUST_USE;

/* The name of a class; NULL if it is unknown or equals the index. */
const char *tool_run_class_name(const tool_run *run, size_t class);

enum { TOOL_CLASS_SIZE = 96 };

/* `2 "stop"`, or "2" without a name. Returns `out`. */
const char *tool_run_class_text(const tool_run *run, size_t class, char out[TOOL_CLASS_SIZE]);

#endif
