/* SPDX-License-Identifier: MIT */
/* Data sets, opened by what the user calls them.
 *
 * DATA is NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]. SPLIT is train or test, and may be empty before
 * a range; A-B is the half-open range of indices. A NAME is a folder looked up in the folder given,
 * in $TRAPDOOR_DATA, in datasets/ and in /usr/share/datasets, in this order; what has a slash, or
 * is not found there, is a PATH. A known set that is part of another (gtsrb16 of gtsrb) is found in
 * the other's folder as well. The format of a PATH is recognised from its content, and none but one
 * may know it. Where the files do not say what the classes are, the name
 * of the folder does if it is that of a known set (names.h), else there are as many as the largest
 * label needs. */
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

/* The most classes that a set may have: a bound on what its label numbers can make others allocate.
 */
enum { TD_MOST_CLASSES = 65536 };

typedef struct td_dataset {
    td_images images;         /* pixels may be mapped from the file: read-only */
    const char *name;         /* DATA as it was given */
    const char *split;        /* "train", "test", or "" where neither files nor user say */
    size_t first;             /* index of the first image within the whole split */
    const char **class_names; /* [images.classes], or NULL */
    const char **files;       /* the files it was read from, for the record */
    td_file_stamp *stamps;    /* [file_count]: of these, before they were opened */
    size_t file_count;
    /* For a set of picture files, whose `files` are none: the folder that they are below, how many
     * were read, index files among them, and one checksum of all (td_listing_digest). Else NULL. */
    const char *folder;
    size_t folder_files;
    td_digest folder_digest;
    td_remarks remarks;
    td_arena arena; /* owns all of the above that is not mapped */
    td_map map;     /* owns the mapped pixels */
} td_dataset;

/* Opens DATA. `split` is what is meant where DATA does not say ("train" or "test"); `folder` is the
 * user's --data-dir or NULL. TD_ERR_USAGE if there is no such set (the message says how to get a
 * known one), TD_ERR_FORMAT if its files break their rules. On failure *set is zeroed. */
td_status td_dataset_open(td_dataset *set, const char *data, const char *split, const char *folder,
                          td_error *error) TD_MUST_USE;

/* The set's classes, which live as long as it does. */
td_classes td_dataset_classes(const td_dataset *set);

/* Makes the set's classes those of what it meets, `own`, by td_classes_match, whose errors it
 * has: where they are matched by name, the labels become the classes that `own` gives them, and the
 * set has all classes of `own`; where one of the two has no names, the set's labels stay, and it
 * takes the names. *order says which; *lacking how many classes of `own` the set did not have. */
td_status td_dataset_match(td_dataset *set, const td_classes *own, td_class_order *order,
                           size_t *lacking, td_error *error) TD_MUST_USE;

/* Takes a zeroed set as well. */
void td_dataset_close(td_dataset *set);

/* Writes a set as safetensors: images U8 [N,H,W,C], labels U8 (I64 above 256 classes), metadata
 * "classes", "class_names" (a JSON array, where known), "source" and "split". */
td_status td_dataset_write(FILE *stream, const td_images *images, const char *const *class_names,
                           const char *source, const char *split, td_error *error) TD_MUST_USE;

/* The same, byte for byte, with pixels that come in pieces; images->pixels is not used. */
td_status td_dataset_write_pieces(FILE *stream, const td_images *images, const td_pieces *pixels,
                                  const char *const *class_names, const char *source,
                                  const char *split, td_error *error) TD_MUST_USE;

#endif
