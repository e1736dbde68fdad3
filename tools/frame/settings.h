/* SPDX-License-Identifier: MIT */
/* A method as its tool lists it, and the settings of one run: the values of its keys and of its
 * family's, whether from the command line or from an audit that runs the method. */
#ifndef TOOLS_FRAME_SETTINGS_H
#define TOOLS_FRAME_SETTINGS_H

#include "base/json_build.h"
#include "base/key.h"
#include "frame/options.h"
#include <stdio.h>

struct tool_run;
struct tool_settings;

/* A group of keys whose fields are in one struct. A list of groups ends at one without keys. */
typedef struct tool_keys {
    const td_key *keys;
    size_t offset;      /* of that struct within the settings of the family or the method */
    const char *title;  /* a heading in --help; NULL: none */
    bool detail;        /* --help only names them under their heading; --help-all describes them */
    const char *object; /* the object in the record's options that contains them; NULL: the options
                           themselves */
    const char
        *needs; /* what all of them require, as a key's `needs`; NULL: each key has its own */
    bool rows;  /* all may be given several times, each as often as the first: `object` is an array
                   of objects */
} tool_keys;

/* A flag that prints a text on standard output instead of running. A list ends at one without a
 * name. */
typedef struct tool_print {
    const char *name, *help; /* as for a key */
    void (*print)(FILE *stream);
} tool_print;

typedef enum tool_output_kind {
    TOOL_OUTPUT_NONE,   /* -o is not allowed */
    TOOL_OUTPUT_FILE,   /* -o is a file, such as a model, that the family may write */
    TOOL_OUTPUT_FOLDER, /* -o is a folder of files, which exists when the family runs */
} tool_output_kind;

/* The common part of similar methods: their inputs, and the framework that runs them. */
typedef struct tool_family {
    const char *name;  /* "detector" */
    const char *word;  /* the field of a record's options that names the method: "rule"; NULL:
                          "method", which is then also a field of the record */
    const char *usage; /* required options, for --help: "--model MODEL --clean DATA" */
    const tool_keys *groups;
    const tool_print *prints; /* NULL: none */
    size_t size;              /* of the family's settings */
    /* Checks that key rows cannot express, TD_ERR_USAGE, and sets values that depend on others. May
     * be NULL. */
    td_status (*check)(const struct tool_settings *settings, void *family, td_error *error);
    /* Does the work: reads the inputs, fills the run's tables and outputs. */
    td_status (*run)(struct tool_run *run, td_error *error);
    /* Reads the result of a run from its record, in a type of the family's, into `arena`: for
     * methods that run others. TD_ERR_FORMAT for another record. May be NULL. */
    td_status (*read)(const json_t *record, td_arena *arena, const void **outcome, td_error *error);
    tool_output_kind output;
    const char *part;        /* the key of runs that write to one folder together; NULL: none */
    bool needs_output;       /* -o must be given */
    const char *output_what; /* "where to write the model" */
} tool_family;

/* One method: one const struct in its file, and one row in its tool's table. */
typedef struct tool_method {
    const char *name;   /* NULL for a tool with a single method */
    const char *title;  /* its usual spelling: "STRIP" */
    const char *source; /* "Gao et al., ACSAC 2019", or NULL */
    const char *doc;    /* one line, for the tool's list of methods */
    const char *help;   /* the text of --help; after \v what follows the options: examples */
    const char *usage;  /* NULL: the family's */
    const tool_family *family;
    const tool_keys *groups; /* the method's own; NULL: none */
    size_t size;             /* of its own settings */
    /* Like the family's, for its own settings. May be NULL. */
    td_status (*check)(const struct tool_settings *settings, void *own, td_error *error);
    /* The name of a family, "inspector", whose methods this one runs: the first word on the command
     * line selects one, and its keys are accepted besides the method's own, except those that the
     * method sets itself. NULL: none. */
    const char *guests;
    const char *const *withheld; /* the keys it sets itself; ends with NULL */
    const void *math;            /* what the family runs: a detector, an inspector, ... */
} tool_method;

/* The values of one run. */
typedef struct tool_settings {
    const tool_method *method;
    const char *tool; /* "trapdoor-defend" */
    tool_common common;
    void *family, *own; /* structs of family->size and method->size bytes; NULL if that is 0 */
    size_t key_count;
    struct tool_place **places;  /* [key_count]: all keys, the family's first, a guest's last */
    struct tool_settings *guest; /* of the method that this one runs; NULL: none */
    td_arena arena;
} tool_settings;

/* All keys at their defaults. On failure *settings is zeroed. */
td_status tool_settings_open(tool_settings *settings, const char *tool, const tool_method *method,
                             td_error *error) TD_MUST_USE;
void tool_settings_close(tool_settings *settings); /* accepts zeroed settings */

/* Adds the keys of a method that this one runs, at their defaults. */
td_status tool_settings_invite(tool_settings *settings, const tool_method *guest,
                               td_error *error) TD_MUST_USE;

/* Copies the values of `from`, of the same method, which must outlive these. */
void tool_settings_copy(tool_settings *settings, const tool_settings *from);

/* The i-th key and its group (which may be NULL); a guest's keys come last; NULL after the last. */
const td_key *tool_settings_key(const tool_settings *settings, size_t i, const tool_keys **group);

/* The key with that name, or NULL. */
const td_key *tool_settings_find(const tool_settings *settings, const char *name);

/* Sets the key `name` to a value, "" for a flag. TD_ERR_USAGE for an unknown key, a value out of
 * range, and a second value for a key that takes one. */
td_status tool_settings_set(tool_settings *settings, const char *name, const char *value,
                            td_error *error) TD_MUST_USE;

/* A named set of defaults, such as another paper's: a list ends at a row without a key. */
typedef struct tool_preset {
    const char *key, *value; /* of a key whose value is a number or a word */
} tool_preset;

/* For a check: sets the keys that were not given to the preset's values. TD_ERR_USAGE for an
 * unknown key, or a value out of range. */
td_status tool_settings_preset(const tool_settings *settings, const tool_preset *preset,
                               td_error *error) TD_MUST_USE;

/* Whether the key was given explicitly. */
bool tool_settings_given(const tool_settings *settings, const char *name);

/* Call it after the last value: TD_ERR_USAGE for a missing key, a key whose required key is not
 * given, a missing or meaningless -o, and for what the family and the method refuse. */
td_status tool_settings_check(const tool_settings *settings, td_error *error) TD_MUST_USE;

/* The options for the record: "method", a guest's name under that of its family, and the values of
 * all keys that can change a result, except those whose required key is not given. The caller owns
 * *out, which is NULL on failure. TD_ERR_MEMORY. */
td_status tool_settings_json(const tool_settings *settings, json_t **out,
                             td_error *error) TD_MUST_USE;

#endif
