/* SPDX-License-Identifier: MIT */
/* A method as its tool lists it, and the settings of one run of it: the values of its keys and of
 * its family's, wherever they came from (the command line, or an audit that calls the method). */
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
    bool detail;        /* --help names them under their heading; --help-all describes them */
    const char *object; /* the object in the record's options that holds them; NULL: they stand in
                           the options themselves */
    const char *needs; /* what all of them go with, as a key's `needs`; NULL: each says it itself */
    bool rows; /* all may be given several times, each as often as the first: `object` is an array,
                  an object a time */
} tool_keys;

/* A flag that prints a text on standard output, in place of a run. A list ends at one without a
 * name. */
typedef struct tool_print {
    const char *name, *help; /* as a key's */
    void (*print)(FILE *stream);
} tool_print;

typedef enum tool_output_kind {
    TOOL_OUTPUT_NONE, /* -o has no meaning */
    TOOL_OUTPUT_FILE, /* -o is a file, such as a model, which can be written when the family runs */
    TOOL_OUTPUT_FOLDER, /* -o is a folder of files, which is there when the family runs */
} tool_output_kind;

/* What methods of one kind have in common: their inputs, and the frame that runs them. */
typedef struct tool_family {
    const char *name;  /* "detector" */
    const char *word;  /* the field of a record's options that names the method: "rule"; NULL:
                          "method", which is then a field of the record, too */
    const char *usage; /* what must be given, for --help: "--model MODEL --clean DATA" */
    const tool_keys *groups;
    const tool_print *prints; /* NULL: none */
    size_t size;              /* of the family's settings */
    /* Rules that no row of keys can say, TD_ERR_USAGE, and values that depend on others. May be
     * NULL. */
    td_status (*check)(const struct tool_settings *settings, void *family, td_error *error);
    /* Does the work: reads the inputs, fills the run's tables and outputs. */
    td_status (*run)(struct tool_run *run, td_error *error);
    /* Reads what a run found from its record, in a type of the family's, into `arena`: for methods
     * that run others. TD_ERR_FORMAT for another record. May be NULL. */
    td_status (*read)(const json_t *record, td_arena *arena, const void **outcome, td_error *error);
    tool_output_kind output;
    bool needs_output;       /* -o must be given */
    const char *output_what; /* "where to write the model" */
} tool_family;

/* One method: one const struct in its file, and one row in the table of its tool. */
typedef struct tool_method {
    const char *name;   /* NULL for a tool that does one thing */
    const char *title;  /* as people write it: "STRIP" */
    const char *source; /* "Gao et al., ACSAC 2019", or NULL */
    const char *doc;    /* one line, for the tool's list of methods */
    const char *help;   /* the text of --help; behind \v what follows the options: examples */
    const char *usage;  /* NULL: the family's */
    const tool_family *family;
    const tool_keys *groups; /* the method's own; NULL: none */
    size_t size;             /* of its own settings */
    /* As the family's, for its own settings. May be NULL. */
    td_status (*check)(const struct tool_settings *settings, void *own, td_error *error);
    /* The name of a family, "inspector", whose methods this one runs: the name of one is the first
     * word on the command line, and its keys are taken besides the method's own, but for those that
     * the method sets itself. NULL: none. */
    const char *guests;
    const char *const *withheld; /* these keys; ends with NULL */
    const void *math;            /* what the family runs: a detector, an inspector, ... */
} tool_method;

/* The values of one run. */
typedef struct tool_settings {
    const tool_method *method;
    const char *tool; /* "trapdoor-defend" */
    tool_common common;
    void *family, *own; /* structs of family->size and method->size bytes; NULL where that is 0 */
    size_t key_count;
    struct tool_place **places;  /* [key_count]: all keys, the family's first, a guest's last */
    struct tool_settings *guest; /* of the method that is run; NULL: none */
    td_arena arena;
} tool_settings;

/* All keys at their defaults. On failure *settings is zeroed. */
td_status tool_settings_open(tool_settings *settings, const char *tool, const tool_method *method,
                             td_error *error) TD_MUST_USE;
void tool_settings_close(tool_settings *settings); /* takes zeroed ones as well */

/* Takes the keys of a method that this one runs, at their defaults. */
td_status tool_settings_invite(tool_settings *settings, const tool_method *guest,
                               td_error *error) TD_MUST_USE;

/* The values of `from`, of the same method, which must outlive these. */
void tool_settings_copy(tool_settings *settings, const tool_settings *from);

/* The i-th key and its group (which may be NULL), a guest's keys being the last; NULL where there
 * is no other. */
const td_key *tool_settings_key(const tool_settings *settings, size_t i, const tool_keys **group);

/* The key of that name, or NULL. */
const td_key *tool_settings_find(const tool_settings *settings, const char *name);

/* Gives the key `name` a value, "" for a flag. TD_ERR_USAGE for a name that is no key, for a value
 * out of its range, and for a second value of a key that takes one. */
td_status tool_settings_set(tool_settings *settings, const char *name, const char *value,
                            td_error *error) TD_MUST_USE;

/* Defaults under one name, such as another paper's: a list ends at one without a key. */
typedef struct tool_preset {
    const char *key, *value; /* of a key whose value is a number or a word */
} tool_preset;

/* For a check: gives the keys that were given no value those of the preset. TD_ERR_USAGE for a key
 * that is not there, or a value out of its range. */
td_status tool_settings_preset(const tool_settings *settings, const tool_preset *preset,
                               td_error *error) TD_MUST_USE;

/* Whether the key was given a value, other than by default. */
bool tool_settings_given(const tool_settings *settings, const char *name);

/* After the last value: TD_ERR_USAGE for a key that is missing or goes with another that is not
 * given, for an -o that is missing or has no meaning, and for what the family and the method
 * refuse. */
td_status tool_settings_check(const tool_settings *settings, td_error *error) TD_MUST_USE;

/* The options of the record: "method", a guest's name under that of its family, and all keys that
 * can change a result, at their values, without those that go with a key that is not given. The
 * caller owns *out, which is NULL on failure. TD_ERR_MEMORY. */
td_status tool_settings_json(const tool_settings *settings, json_t **out,
                             td_error *error) TD_MUST_USE;

#endif
