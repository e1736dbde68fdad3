/* A method of implanting a backdoor in a trained model: one file that defines one implant_method,
 * and one row of the table in methods.c. */
#ifndef TOOLS_IMPLANT_METHOD_H
#define TOOLS_IMPLANT_METHOD_H

#include "implant/implant.h"

typedef struct implant_method {
    const char *name, *doc;
    /* What was asked, for the record; a new reference, or NULL without memory. */
    json_t *(*options)(const implant_options *options);
    /* From job->model makes job->net, job->weights and job->triggers, and adds what there is to
     * know to job->record. */
    td_status (*implant)(implant_job *job, td_error *error);
} implant_method;

extern const implant_method implant_trojannet;

extern const implant_method *const implant_methods[]; /* ends with NULL */

#endif
