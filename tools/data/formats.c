/* SPDX-License-Identifier: MIT */
/* --help-data: the supported formats, from the readers' own tables. */
#include "command.h"

#include "data/format.h"
#include "data/picture.h"

static void print(FILE *stream) {
    fputs("| data set | is known by |\n|---|---|\n", stream);
    for (const td_format *const *format = td_formats; *format; format++)
        fprintf(stream, "| %s | %s |\n", (*format)->name, (*format)->needs);
    fputs("\n| pictures | file names | what is read |\n|---|---|---|\n", stream);
    for (const td_codec *const *codec = td_codecs; *codec; codec++) {
        fprintf(stream, "| %s | ", (*codec)->name);
        for (const char *const *ending = (*codec)->endings; *ending; ending++)
            fprintf(stream, "%s`%s`", ending == (*codec)->endings ? "" : ", ", *ending);
        fprintf(stream, " | %s |\n", (*codec)->reads);
    }
}

const tool_print data_prints[] = {
    {"help-data", "Print which data sets and pictures are read", print}, {0}};
