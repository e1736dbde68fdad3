/* PNG files on the page, as data: URIs. */
#ifndef TOOLS_REPORT_PICTURE_H
#define TOOLS_REPORT_PICTURE_H

#include "report/report.h"

/* Writes an <img> for the file, small ones enlarged, with the text alternative `label`, and counts
 * it. A file that is no PNG, or a larger one than the limits in report.h, is a trouble instead; the
 * result is false then. */
bool picture_write(report *r, const report_file *file, const char *label);

/* Writes figures of the record's pictures that are not shown yet (NULL: of those that belong to
 * none), at most REPORT_PICTURES and as many charts, which are folded. "mask-3.png" and
 * "pattern-3.png" are one figure. */
void picture_gallery(report *r, const report_record *record);

/* Writes figures of other records' pictures that the record's `pictures` name. */
void picture_named(report *r, const report_record *record);

#endif
