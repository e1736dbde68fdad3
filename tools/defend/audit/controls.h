/* SPDX-License-Identifier: MIT */
/* Controls: clean models of a net, trained here by known recipes, and the values of all screens on
 * each, for comparison with an audited model. The parts: the recipes (controls_recipes.c), training
 * one or all (controls.c), the files of one and of all (controls_file.c), those that ship with the
 * program (controls_shipped.c). */
#ifndef TOOLS_DEFEND_AUDIT_CONTROLS_H
#define TOOLS_DEFEND_AUDIT_CONTROLS_H

#include "defend/audit/screens.h"
#include "frame/training.h"

enum { CONTROLS_MOST = 10000 };

/* How a control is trained. */
typedef struct control_recipe {
    const char *name;
    tool_training training;
    size_t count;   /* training images */
    td_random draw; /* draws a subset of the images */
    uint64_t seed;
} control_recipe;

typedef struct controls_settings {
    const char *net, *data, *clean;
    size_t images; /* of the training set, drawn at random; 0: all */
    int recipes;
    size_t count;
    const char *part; /* "K/N", or NULL */
    size_t verify;    /* SIZE_MAX: none */
    const char *with; /* the record to verify with; NULL: the output folder */
    tool_training training;
} controls_settings;

/* The measurements of a control, or of the audited model. */
typedef struct control_scores {
    size_t count; /* screens */
    struct control_screen {
        const char *method;
        const double *values;
        size_t units;
    } screens[SCREENS_MOST];
    const char *recipe, *model; /* the recipe's name; the SHA-256 of the weights */
    td_rate accuracy;
    double scale;
    uint64_t seed;
} control_scores;

/* The recipe of control `number`, from the settings' training: all use it, or seven of eight are
 * variations. The recipe must not move. */
td_status control_recipe_of(const controls_settings *settings, const td_images *images,
                            uint64_t seed, size_t number, control_recipe *out,
                            td_error *error) TD_MUST_USE;

/* --- the file --- */

typedef struct controls_file {
    const char *path;
    const char *version;  /* version of the program that made them */
    const char *net;      /* its text */
    const char *net_name; /* NET and DATA of their training, as given */
    const char *data;
    const char *clean, *clean_images; /* the images they were scored on: as given; digest */
    bool mixed;                       /* trained by several recipes */
    const char **class_names;         /* [classes], or NULL */
    size_t classes, count;
    control_scores *list;
} controls_file;

/* A control as JSON, and back, in `arena`; TD_ERR_FORMAT. */
json_t *control_json(td_json *json, const control_scores *c);
td_status control_read(const json_t *json, control_scores *out, td_arena *arena,
                       td_error *error) TD_MUST_USE;

/* The values of a screening, which keeps them. */
control_scores control_of(const screening *s);

/* Reads the record of trapdoor-defend controls. TD_ERR_FORMAT. */
td_status controls_file_read(const json_t *record, const char *path, controls_file *out,
                             td_arena *arena, td_error *error) TD_MUST_USE;

/* The controls for such a net that ship with the program: for this version, and with the run's
 * class names or made from the files that the run reads. *path is in the run's arena; NULL: there
 * are none. */
td_status controls_find_shipped(tool_run *run, const td_net *net, const char **path,
                                td_error *error) TD_MUST_USE;

#endif
