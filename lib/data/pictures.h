/* SPDX-License-Identifier: MIT */
/* Picture files, decoded into a data set. */
#ifndef TD_DATA_PICTURES_H
#define TD_DATA_PICTURES_H

#include "data/dataset.h"
#include "data/listing.h"

/* Makes a listing a data set: fills *set, zeroed before, but for `name`. Every picture must have
 * the size of the first; if any has colour all become RGB, else all are grey.
 * Of several errors the first in the order of the listing is told. *listing is zeroed, since its
 * arena becomes the set's; after a failure the caller closes the set. */
td_status td_pictures_open(td_dataset *set, td_listing *listing, td_error *error) TD_MUST_USE;

#endif
