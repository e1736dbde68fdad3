/* SPDX-License-Identifier: MIT */
/* Decodes picture files into a data set. */
#ifndef TD_DATA_PICTURES_H
#define TD_DATA_PICTURES_H

#include "data/dataset.h"
#include "data/listing.h"

/* Turns a listing into a data set: fills *set, zeroed before except `name`. Every picture must have
 * the size of the first; if any is in colour all become RGB, else all are grey.
 * Of several errors it returns the first in listing order. Zeroes *listing, whose arena moves to
 * the set; after a failure the caller closes the set. */
td_status td_pictures_open(td_dataset *set, td_listing *listing, td_error *error) TD_MUST_USE;

#endif
