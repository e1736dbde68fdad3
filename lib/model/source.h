/* SPDX-License-Identifier: MIT */
/* A file that holds a model, whoever wrote it: its tensors by name, laid out as PyTorch's
 * state_dict has them, and, where the file tells it, its net. What kind of file it is, its first
 * bytes say, not its name; kinds.c has a row for each. Nothing in a file is ever executed. */
#ifndef TD_MODEL_SOURCE_H
#define TD_MODEL_SOURCE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "data/safetensors.h"
#include <stdbool.h>

enum { TD_SOURCE_NOTES = 8, TD_SOURCE_TENSORS = 1 << 16 };

/* Where our own files have the net, how it was trained and the names of its classes, in the
 * metadata. */
#define TD_MODEL_NET_KEY "trapdoor.net"
#define TD_MODEL_TRAINING_KEY "trapdoor.training"
#define TD_MODEL_CLASSES_KEY "trapdoor.classes"

typedef struct td_source {
    const char *kind;   /* "PyTorch state_dict": what people call it; for records, too */
    const char *path;   /* as given */
    td_tensor *tensors; /* as they stand in the file */
    size_t tensor_count;
    const td_tensor **by_name; /* [tensor_count], sorted */
    bool mixed;                /* tensors that are no parameters may be among them */
    const char *net;           /* its text, or NULL */
    const char *training;      /* JSON text of how it was trained, or NULL */
    const char *classes;       /* JSON array of the names of its classes, or NULL */
    bool foreign;              /* the net is another program's: what its images were normalised with
                                  before they came to it, it does not tell */
    const char *refusal;       /* why the net that the file has is none of ours; or NULL */
    const char *advice;        /* for a file without a net: how to get one that has it; or NULL */
    /* What was done to the file's content on the way, each a sentence without a stop. */
    const char *notes[TD_SOURCE_NOTES];
    size_t note_count;
    const struct td_net_variables *images; /* what the net is to be for, where the file leaves that
                                              open; NULL: not known */
    td_map map;
    const char *beside; /* path of a second file, with data of this one, or NULL */
    td_map beside_map;
    td_safetensors safetensors; /* where it is one */
    td_arena arena;
} td_source;

/* Opens a file and reads all but the numbers. TD_ERR_FORMAT for one of no known kind, with what it
 * is and what to do. Messages name the file. On failure *source is zeroed. */
td_status td_source_open(td_source *source, const char *path, td_error *error) TD_MUST_USE;

/* The same; a net that may be for images of several sizes is made for `images`, NULL: not known. */
td_status td_source_open_for(td_source *source, const char *path,
                             const struct td_net_variables *images, td_error *error) TD_MUST_USE;
void td_source_close(td_source *source); /* takes a zeroed one as well */

/* The tensor of that name, or NULL. */
const td_tensor *td_source_find(const td_source *source, const char *name);

/* Gives back the memory of a tensor that has been read. */
void td_source_release(const td_source *source, const td_tensor *tensor);

/* Adds a note, unless there are as many as have room. */
td_status td_source_note(td_source *source, td_error *error, const char *format, ...) TD_MUST_USE
    TD_PRINTF(3, 4);

/* A shape for messages, "64x3x7x7"; "a single number" for rank 0. Returns `out`. */
const char *td_shape_text(const size_t *dims, size_t rank, char *out, size_t size);

/* --- readers, for kinds.c: each fills what the file has, source->map being there --- */

td_status td_read_safetensors(td_source *source, td_error *error) TD_MUST_USE;
td_status td_read_onnx(td_source *source, td_error *error) TD_MUST_USE;
td_status td_read_torch_zip(td_source *source, td_error *error) TD_MUST_USE;
td_status td_read_torch_legacy(td_source *source, td_error *error) TD_MUST_USE;

/* Whether the bytes begin as an ONNX file does. */
bool td_onnx_is(const uint8_t *bytes, size_t size);

/* Whether the bytes begin as torch.save's older container does. */
bool td_torch_legacy_is(const uint8_t *bytes, size_t size);

#endif
