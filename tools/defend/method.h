/* A method of defence: one file that defines one defend_method, and one row of the table in
 * methods.c. */
#ifndef TOOLS_DEFEND_METHOD_H
#define TOOLS_DEFEND_METHOD_H

#include "base/error.h"
#include "defend/options.h"
#include <stdbool.h>

struct defend_method {
    const char *name, *doc, *defaults; /* defaults: as --help shows them */
    unsigned settings; /* those that it takes of its own, DEFEND_OVERLAYS and so on */
    double rate;       /* default of --frr or --fpr */
    /* Sets *flagged where --exit-code is to tell of something. */
    td_status (*run)(const defend_options *options, bool *flagged, td_error *error);
};

extern const defend_method defend_strip, defend_squeeze;

extern const defend_method *const defend_methods[]; /* ends with NULL */

#endif
