/* Tables of several records beside each other. */
#ifndef TOOLS_REPORT_JOIN_H
#define TOOLS_REPORT_JOIN_H

#include "report/report.h"

/* Writes a section with each table that several records of one kind have, by its title, and that
 * has rates: one table with the rows of all of them. Nothing if there is none. */
td_status join_write(report *r, td_error *error) TD_MUST_USE;

#endif
