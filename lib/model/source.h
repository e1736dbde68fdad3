/* SPDX-License-Identifier: MIT */
/* A file with a model, from any program: its tensors by name, laid out as in PyTorch's state_dict,
 * and its net if the file has one. The kind of file is detected from its first bytes, not from its
 * name; kinds.c has a row for each. Nothing in a file is ever executed. */
#ifndef TD_MODEL_SOURCE_H
#define TD_MODEL_SOURCE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "data/safetensors.h"
#include <stdbool.h>

enum { TD_SOURCE_NOTES = 8, TD_SOURCE_TENSORS = 1 << 16 };

/* Metadata keys of our own files for the net, the training and the class names. */
#define TD_MODEL_NET_KEY "trapdoor.net"
#define TD_MODEL_TRAINING_KEY "trapdoor.training"
#define TD_MODEL_CLASSES_KEY "trapdoor.classes"

typedef struct td_source {
    const char *kind;   /* "PyTorch state_dict": for people and records */
    const char *path;   /* as given */
    td_tensor *tensors; /* in file order */
    size_t tensor_count;
    const td_tensor **by_name; /* [tensor_count], sorted */
    bool mixed;                /* may contain tensors that are not parameters */
    const char *net;           /* its text, or NULL */
    const char *training;      /* JSON text that describes the training, or NULL */
    const char *classes;       /* JSON array of class names, or NULL */
    bool foreign;        /* the net is from another program: the normalisation applied to its images
                            beforehand is unknown */
    const char *refusal; /* why the file's net cannot be used; or NULL */
    const char *advice;  /* for a file without a net: how to get a file with one; or NULL */
    /* Conversions applied to the file's content, each a sentence without a full stop. */
    const char *notes[TD_SOURCE_NOTES];
    size_t note_count;
    const struct td_net_variables
        *images; /* the images and classes to use if the file does not define them; NULL: unknown */
    td_map map;
    const char *beside; /* path of a second file with data of this one, or NULL */
    td_map beside_map;
    td_safetensors safetensors; /* if it is a safetensors file */
    td_arena arena;
} td_source;

/* Opens a file and reads everything except the numbers. TD_ERR_FORMAT for an unknown kind, with
 * what it is and what to do. Messages name the file. On failure *source is zeroed. */
td_status td_source_open(td_source *source, const char *path, td_error *error) TD_MUST_USE;

/* The same; a net that accepts several image sizes is built for `images` (NULL: unknown). */
td_status td_source_open_for(td_source *source, const char *path,
                             const struct td_net_variables *images, td_error *error) TD_MUST_USE;
void td_source_close(td_source *source); /* accepts a zeroed source */

/* The tensor with that name, or NULL. */
const td_tensor *td_source_find(const td_source *source, const char *name);

/* Releases the mapped memory of a tensor that has been read. */
void td_source_release(const td_source *source, const td_tensor *tensor);

/* Adds a note, unless the list is full. */
td_status td_source_note(td_source *source, td_error *error, const char *format, ...) TD_MUST_USE
    TD_PRINTF(3, 4);

/* A shape for messages, "64x3x7x7"; "a single number" for rank 0. Returns `out`. */
const char *td_shape_text(const size_t *dims, size_t rank, char *out, size_t size);

/* --- readers, for kinds.c: each fills *source from source->map --- */

td_status td_read_safetensors(td_source *source, td_error *error) TD_MUST_USE;
td_status td_read_onnx(td_source *source, td_error *error) TD_MUST_USE;
td_status td_read_torch_zip(td_source *source, td_error *error) TD_MUST_USE;
td_status td_read_torch_legacy(td_source *source, td_error *error) TD_MUST_USE;

/* Whether the bytes begin like an ONNX file. */
bool td_onnx_is(const uint8_t *bytes, size_t size);

/* Whether the bytes begin like torch.save's older container. */
bool td_torch_legacy_is(const uint8_t *bytes, size_t size);

#endif
