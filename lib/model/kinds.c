/* SPDX-License-Identifier: MIT */
#include "model/kinds.h"

#include "base/size.h"
#include "data/pickle.h"
#include "model/bytes.h"
#include "model/zip.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- recognisers --- */

/* Eight bytes of length, then JSON. */
static bool is_safetensors(const uint8_t *bytes, size_t size) {
    return size > 8 && bytes[8] == '{' && td_bytes_u64(bytes) < UINT32_MAX;
}

/* Whether the text begins with `words` in any case, after blanks and a byte-order mark. */
static bool begins(const uint8_t *bytes, size_t size, const char *words) {
    static const char blanks[] = " \t\r\n\xef\xbb\xbf";
    const char *text = (const char *)bytes;
    const size_t length = strlen(words);
    while (size > 0 && *text && strchr(blanks, *text)) {
        text++;
        size--;
    }
    return size >= length && strncasecmp(text, words, length) == 0;
}

static bool is_page(const uint8_t *bytes, size_t size) {
    return begins(bytes, size, "<!doctype") || begins(bytes, size, "<html");
}

static bool is_net_text(const uint8_t *bytes, size_t size) {
    static const char image[] = "= image(";
    const size_t length = td_size_min(size, 4096), end = sizeof image - 1;
    for (size_t i = 0; i + end <= length; i++)
        if (memcmp(bytes + i, image, end) == 0)
            return !memchr(bytes, '\0', length);
    return false;
}

static bool is_empty(const uint8_t *bytes, size_t size) {
    (void)bytes;
    return size == 0;
}

/* --- the table --- */

#define MAGIC(text) .magic = (text), .magic_size = sizeof(text) - 1

static const td_kind kinds[] = {
    {"PyTorch archive", .is = td_zip_is, .read = td_read_torch_zip},
    {"PyTorch file of before 1.6", .is = td_torch_legacy_is, .read = td_read_torch_legacy},
    {"safetensors state_dict", .is = is_safetensors, .read = td_read_safetensors},
    {"ONNX model", .is = td_onnx_is, .read = td_read_onnx},
    {"a file without bytes", .is = is_empty, .advice = "get it again"},
    {"a pickle that torch.save did not write", .is = td_pickle_is,
     .advice = "save the net's state_dict with torch.save or as safetensors"},
    {"an HDF5 file, as Keras writes them", MAGIC("\x89HDF\r\n\x1a\n"),
     .advice = "export it as ONNX, model.export(FILE, format=\"onnx\")"},
    {"a TensorFlow Lite model", MAGIC("TFL3"), .offset = 4,
     .advice = "export it as ONNX, python -m tf2onnx.convert --tflite FILE --output model.onnx"},
    {"a pointer of Git LFS", MAGIC("version https://git-lfs.github.com/"),
     .advice = "the file itself comes with git lfs pull"},
    {"a web page", .is = is_page,
     .advice = "the download gave it in place of the file: get it again"},
    {"a net text", .is = is_net_text, .advice = "name it with --net, and the weights here"},
    {"a tar archive", MAGIC("ustar"), .offset = 257, .advice = "unpack it first"},
    {"a gzip file", MAGIC("\x1f\x8b"), .advice = "unpack it first"},
    {"a 7z archive", MAGIC("7z\xbc\xaf\x27\x1c"), .advice = "unpack it first"},
    {"an xz file",
     MAGIC("\xfd"
           "7zXZ"),
     .advice = "unpack it first"},
    {"an array of NumPy", MAGIC("\x93NUMPY"),
     .advice = "save all of a net's as safetensors, named as its parameters"},
    {"a GGUF file", MAGIC("GGUF"), .advice = "language models are not read"},
};

static bool knows(const td_kind *kind, const uint8_t *bytes, size_t size) {
    if (kind->is)
        return kind->is(bytes, size);
    return size >= kind->offset + kind->magic_size &&
           memcmp(bytes + kind->offset, kind->magic, kind->magic_size) == 0;
}

const td_kind *td_kind_find(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (knows(&kinds[i], bytes, size))
            return &kinds[i];
    return NULL;
}

td_status td_kind_refuse(const uint8_t *bytes, size_t size, td_error *error) {
    char first[3 * 8 + 1] = "";
    for (size_t i = 0; i < td_size_min(size, 8); i++)
        snprintf(first + 3 * i, sizeof first - 3 * i, " %02x", bytes[i]);
    return td_fail(
        error, TD_ERR_FORMAT,
        "expected a model as safetensors, as ONNX or as PyTorch saves it, found a file of another "
        "kind, beginning with%s",
        first);
}
