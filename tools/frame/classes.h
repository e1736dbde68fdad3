/* SPDX-License-Identifier: MIT */
/* The classes of a run: its model's where that names them, else those of the first set that it
 * opens. What the user calls a class is found among them, the labels of other sets are made theirs,
 * and tables say their names. The first set comes before its model, whose net may be one of the
 * zoo, made for images of such a size. */
#ifndef TOOLS_FRAME_CLASSES_H
#define TOOLS_FRAME_CLASSES_H

#include "frame/run.h"
#include "model/model.h"

/* Matches a set with the run's classes (td_dataset_match), or makes them the run's; says in a note
 * and in the record, under `classes_matched`, where its labels are now others. */
td_status tool_run_match(tool_run *run, td_dataset *set, td_error *error) TD_MUST_USE;

/* Makes the classes of the model at `path` the run's. A set that was opened before, of which there
 * may be one, is then matched anew; where the model does not name its classes, they are called as
 * those of the first set that names them. */
td_status tool_run_model_classes(tool_run *run, const td_model *model, const char *path,
                                 td_error *error) TD_MUST_USE;

/* For another model on the same sets: TD_ERR_USAGE if it names other classes than the run's, or the
 * same in another order. */
td_status tool_run_same_classes(const tool_run *run, const td_model *model, const char *path,
                                td_error *error) TD_MUST_USE;

/* What --class-names gives `count` classes: the names in a file, one a line, or, where there is
 * none of that name, in a list with commas; in the run's arena. TD_ERR_USAGE unless they are as
 * many different ones. */
td_status tool_run_class_names(tool_run *run, const char *text, size_t count, const char ***names,
                               td_error *error) TD_MUST_USE;

/* The class that an option's text is, of those of the run. TD_ERR_USAGE. */
td_status tool_run_class(const tool_run *run, const char *option, const char *text, size_t *out,
                         td_error *error) TD_MUST_USE;

/* Classes in a list with commas, each once, to out[count] in the run's arena; all of them where it
 * is NULL. TD_ERR_USAGE. */
td_status tool_run_class_list(tool_run *run, const char *option, const char *list, size_t **out,
                              size_t *count, td_error *error) TD_MUST_USE;

/* The name of a class; NULL where it is not known, or says no more than the index. */
const char *tool_run_class_name(const tool_run *run, size_t class);

enum { TOOL_CLASS_SIZE = 96 };

/* `2 "stop"`, or "2" without a name. Returns `out`. */
const char *tool_run_class_text(const tool_run *run, size_t class, char out[TOOL_CLASS_SIZE]);

#endif
