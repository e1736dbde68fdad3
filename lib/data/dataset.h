/* SPDX-License-Identifier: MIT */
/* Opens data sets by the user's DATA argument.
 *
 * DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]. SPLIT is train or test, and may be empty before
 * a range; A-B is a half-open range of indices. A NAME is a folder, searched for in the given
 * folder, $TRAPDOOR_DATA, datasets/ and /usr/share/datasets, in this order. Text with a slash, or
 * not found there, is a PATH. A known subset (gtsrb16 of gtsrb) is also found in the full set's
 * folder. The format of a PATH is detected from its content; exactly one format must match. If the
 * files do not define the classes, a known set's folder name does (names.h); otherwise the number
 * of classes is the largest label + 1. */
#ifndef TD_DATA_DATASET_H
#define TD_DATA_DATASET_H

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "data/classes.h"
#include "data/images.h"
#include "data/remarks.h"
#include "data/safetensors.h"

/* The most classes that a set may have. It bounds the allocations that label numbers can cause. */
enum { TD_MOST_CLASSES = 65536 };

typedef struct td_dataset {
    td_images images;         /* pixels may be mapped from the file: read-only */
    const char *name;         /* DATA as given */
    const char *split;        /* "train", "test", or "" if neither the files nor the user say */
    size_t first;             /* index of the first image within the whole split */
    const char **class_names; /* [images.classes], or NULL */
    const char **files;       /* the files it was read from, for the record */
    td_file_stamp *stamps;    /* [file_count]: their stamps, taken before opening */
    size_t file_count;
    /* For a set of picture files, where `files` is empty: the root folder, the number of files read
     * (including index files), and one checksum of all (td_listing_digest). Else NULL. */
    const char *folder;
    size_t folder_files;
    td_digest folder_digest;
    td_remarks remarks;
    td_arena arena; /* owns everything above that is not mapped */
    td_map map;     /* owns the mapped pixels */
} td_dataset;

/* Opens DATA. `split` is the default ("train" or "test") if DATA has none; `folder` is the user's
 * --data-dir or NULL. TD_ERR_USAGE if there is no such set (the message says how to get a known
 * one), TD_ERR_FORMAT if its files are invalid. On failure *set is zeroed. */
td_status td_dataset_open(td_dataset *set, const char *data, const char *split, const char *folder,
                          td_error *error) TD_MUST_USE;

/* The set's classes, valid as long as the set. */
td_classes td_dataset_classes(const td_dataset *set);

/* Converts the set to the classes `own`, as td_classes_match does; errors as there. If they match
 * by name, labels become the classes of `own`, and the set has all classes of `own`. If one of the
 * two has no names, labels stay and the set gets the names. *order reports which; *lacking is the
 * number of classes of `own` that the set did not have. */
td_status td_dataset_match(td_dataset *set, const td_classes *own, td_class_order *order,
                           size_t *lacking, td_error *error) TD_MUST_USE;

/* Accepts a zeroed set. */
void td_dataset_close(td_dataset *set);

/* Writes a set as safetensors: images U8 [N,H,W,C], labels U8 (I64 above 256 classes), metadata
 * "classes", "class_names" (a JSON array, where known), "source" and "split". */
td_status td_dataset_write(FILE *stream, const td_images *images, const char *const *class_names,
                           const char *source, const char *split, td_error *error) TD_MUST_USE;

/* The same file, byte for byte, with pixels supplied in pieces; images->pixels is not used. */
td_status td_dataset_write_pieces(FILE *stream, const td_images *images, const td_pieces *pixels,
                                  const char *const *class_names, const char *source,
                                  const char *split, td_error *error) TD_MUST_USE;

#endif
