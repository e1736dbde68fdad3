/* SPDX-License-Identifier: MIT */
/* What a shell's completion asks a tool: which options it takes, of what kind their values are, and
 * which words they may be. */
#ifndef TOOLS_FRAME_COMPLETION_H
#define TOOLS_FRAME_COMPLETION_H

#include "frame/settings.h"
#include <argp.h>
#include <stdio.h>

/* What --_completion prints, from the tables that --help is made of, a line each:
 *   --data DATA                an option and what --help calls its value
 *   --force                    one without a value
 *   * METHOD                   what an argument that is no option stands for
 *   --optimizer=adam           a word that the option's value may be
 *   *=strip <TAB> inputs ...   a word that the argument may be, and what it does
 *   NET=cnn                    a word that any value called NET may be
 *   TRIGGER=square: <TAB> ...  the same; its keys follow:
 *   TRIGGER=square:size=       and the words that their values may be: TRIGGER=square:at=center
 */

/* The options and arguments; for argp's parser of the options of all tools. */
void tool_completion_print(const struct argp *argp, FILE *stream);

/* The words of the keys' values. */
void tool_completion_keys(const tool_settings *settings, FILE *stream);

/* The methods that the first argument may be; the list ends with NULL. */
void tool_completion_methods(const tool_method *const *methods, FILE *stream);

#endif
