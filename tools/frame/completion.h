/* SPDX-License-Identifier: MIT */
/* Data for shell completion: a tool's options, the kinds of their values, and their possible words.
 */
#ifndef TOOLS_FRAME_COMPLETION_H
#define TOOLS_FRAME_COMPLETION_H

#include "frame/settings.h"
#include <argp.h>
#include <stdio.h>

/* The output of --_completion, from the same tables as --help, one line each:
 *   --data DATA                an option and its placeholder in --help
 *   --force                    an option without a value
 *   * METHOD                   the placeholder of a positional argument
 *   --optimizer=adam           a possible value of the option
 *   *=strip <TAB> inputs ...   a possible argument and its description
 *   NET=cnn                    a possible value for any placeholder NET
 *   TRIGGER=square: <TAB> ...  the same; its keys follow:
 *   TRIGGER=square:size=       and possible values of the keys: TRIGGER=square:at=center */

/* Options and arguments; for the argp parser of the common options. */
void tool_completion_print(const struct argp *argp, FILE *stream);

/* The possible values of the keys. */
void tool_completion_keys(const tool_settings *settings, FILE *stream);

/* The possible methods for the first argument; the list ends with NULL. */
void tool_completion_methods(const tool_method *const *methods, FILE *stream);

#endif
