/* What a shell's completion asks a tool: which options it takes, and of what kind their values are.
 */
#ifndef TOOLS_FRAME_COMPLETION_H
#define TOOLS_FRAME_COMPLETION_H

#include <argp.h>
#include <stdio.h>

/* Writes, from the tables that --help is made of, a line for each option and its value, and one of
 * the places in the trigger families' and the nets' names:
 *   --data DATA     an option and what --help calls its value
 *   --force         one without a value
 *   * RULE          what an argument that is no option stands for
 *   NET cnn         a word that a value called NET may be
 * The words that are allowed where a value is one of a few, a method's name among them, are told by
 * the message for a wrong one. */
void tool_completion_print(const struct argp *argp, FILE *stream);

#endif
