/* SPDX-License-Identifier: MIT */
#include "model/torch.h"

#include "base/size.h"
#include "data/text.h"
#include <stdio.h>
#include <string.h>

enum {
    LONGEST_NAME = 512,
    MOST_DEPTH = 32,   /* of nested modules */
    MOST_WRAPPERS = 4, /* of dictionaries around a state_dict */
    MOST_LOOKS = 1 << 22,
    LONGEST_KEY = 64, /* of a storage */
};

/* --- storages --- */

static const struct {
    const char *name;
    td_dtype dtype;
} storages[] = {
    {"torch FloatStorage", TD_F32},        {"torch DoubleStorage", TD_F64},
    {"torch HalfStorage", TD_F16},         {"torch BFloat16Storage", TD_BF16},
    {"torch LongStorage", TD_I64},         {"torch IntStorage", TD_I32},
    {"torch ShortStorage", TD_I16},        {"torch CharStorage", TD_I8},
    {"torch ByteStorage", TD_U8},          {"torch BoolStorage", TD_BOOL},
    {"torch ComplexFloatStorage", TD_C64}, {"torch.storage UntypedStorage", TD_U8},
};

/* The types of _rebuild_tensor_v3, whose storages are bytes. */
static const struct {
    const char *name;
    td_dtype dtype;
} dtypes[] = {
    {"torch float8_e4m3fn", TD_F8_E4M3},
    {"torch float8_e5m2", TD_F8_E5M2},
    {"torch uint16", TD_U16},
    {"torch uint32", TD_U32},
    {"torch uint64", TD_U64},
};

static const td_pickle_value *item(const td_torch *t, const td_pickle_value *list, size_t i) {
    return td_pickle_item(&t->pickle, list, i);
}

static bool take_size(const td_pickle_value *value, size_t *out) {
    if (value->kind != TD_PICKLE_INT || value->integer < 0)
        return false;
    *out = (size_t)value->integer;
    return true;
}

/* A terminated copy of a text in the pickle; NULL if it is not safe to print. */
static td_status copy_text(const td_torch *t, const td_pickle_value *value, const char **out,
                           td_error *error) {
    char *text;
    *out = NULL;
    if (memchr(value->text.bytes, '\0', value->text.length))
        return TD_OK;
    TD_TRY(td_arena_text(&t->source->arena, value->text.bytes, value->text.length, &text, error));
    if (td_text_is_plain(text))
        *out = text;
    return TD_OK;
}

td_status td_torch_storage_read(const td_torch *t, const td_pickle_value *value, const char **key,
                                td_torch_storage *out, td_error *error) {
    const td_pickle_value *id = &t->pickle.values[value->inner];
    bool known = false;
    *key = NULL;
    *out = (td_torch_storage){0};
    if (value->kind != TD_PICKLE_PERSISTENT || id->kind != TD_PICKLE_TUPLE || id->list.count < 5 ||
        !td_pickle_is_text(item(t, id, 0), "storage") || item(t, id, 1)->kind != TD_PICKLE_GLOBAL ||
        item(t, id, 2)->kind != TD_PICKLE_TEXT || item(t, id, 2)->text.length > LONGEST_KEY ||
        !take_size(item(t, id, 4), &out->count))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a storage with its type, key and size, found something else");
    if (id->list.count > 5 && item(t, id, 5)->kind != TD_PICKLE_NONE)
        return td_fail(error, TD_ERR_FORMAT, "expected a whole storage, found part of another");
    for (size_t i = 0; i < sizeof storages / sizeof *storages; i++)
        if (td_pickle_is_global(item(t, id, 1), storages[i].name)) {
            out->dtype = storages[i].dtype;
            known = true;
        }
    if (!known)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a storage such as torch.FloatStorage, found "
                       "\"%s\"",
                       item(t, id, 1)->text.bytes);
    TD_TRY(copy_text(t, item(t, id, 2), key, error));
    if (!*key || !td_size_mul(out->count, td_dtype_size(out->dtype), &out->bytes))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a storage with a plain key and a size that "
                       "fits in memory, found another");
    return TD_OK;
}

/* --- layout --- */

/* The last element that the strides reach must be in the storage. */
static td_status check_reach(const td_tensor *tensor, const size_t *strides, size_t offset,
                             size_t count, td_error *error) {
    size_t last = offset, step;
    bool fits = true;
    if (tensor->count == 0)
        return TD_OK;
    for (size_t i = 0; fits && i < tensor->rank; i++)
        fits =
            td_size_mul(tensor->dims[i] - 1, strides[i], &step) && td_size_add(last, step, &last);
    return fits && last < count
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT,
                         "stride: expected all elements in its storage of %zu, found one after it",
                         count);
}

static bool is_contiguous(const td_tensor *tensor, const size_t *strides) {
    size_t expected = 1;
    for (size_t i = tensor->rank; i-- > 0;) {
        if (tensor->dims[i] != 1 && strides[i] != expected)
            return false;
        expected *= tensor->dims[i];
    }
    return true;
}

td_status td_torch_lay(td_tensor *tensor, const td_torch_storage *storage, size_t offset,
                       const size_t *strides, td_arena *arena, td_error *error) {
    size_t *copy;
    tensor->dtype = storage->dtype;
    if (!td_size_product(tensor->dims, tensor->rank, &tensor->count) ||
        !td_size_mul(tensor->count, td_dtype_size(tensor->dtype), &tensor->bytes))
        return td_fail(error, TD_ERR_FORMAT, "size: expected one that fits in memory");
    TD_TRY(check_reach(tensor, strides, offset, storage->count, error));
    tensor->data = storage->data + (tensor->count ? offset * td_dtype_size(tensor->dtype) : 0);
    if (tensor->count == 0 || is_contiguous(tensor, strides))
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(arena, tensor->rank, &copy, "strides", error));
    memcpy(copy, strides, tensor->rank * sizeof *copy);
    tensor->strides = copy;
    return TD_OK;
}

/* --- tensors --- */

static bool is_tensor(const td_torch *t, const td_pickle_value *value) {
    return value->kind == TD_PICKLE_CALL &&
           strncmp(t->pickle.values[value->what].text.bytes, "torch._utils _rebuild_", 22) == 0;
}

static td_status read_sizes(const td_torch *t, const td_pickle_value *tuple, size_t *out,
                            size_t *rank, const char *what, td_error *error) {
    *rank = tuple->kind == TD_PICKLE_TUPLE ? tuple->list.count : 0;
    if (tuple->kind != TD_PICKLE_TUPLE || *rank > TD_TENSOR_RANK)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected at most %d numbers, found others", what,
                       TD_TENSOR_RANK);
    for (size_t i = 0; i < *rank; i++)
        if (!take_size(item(t, tuple, i), &out[i]))
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected whole numbers of at least 0, found another", what);
    return TD_OK;
}

/* The type of a _rebuild_tensor_v3, whose storage counts bytes. */
static td_status retype(const td_pickle_value *dtype, td_torch_storage *storage, td_error *error) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (td_pickle_is_global(dtype, dtypes[i].name)) {
            storage->dtype = dtypes[i].dtype;
            storage->count /= td_dtype_size(storage->dtype);
            return TD_OK;
        }
    return td_fail(error, TD_ERR_FORMAT, "dtype: expected one that is known here, found another");
}

static bool is_third(const td_torch *t, const td_pickle_value *call) {
    return td_pickle_is_global(&t->pickle.values[call->what], "torch._utils _rebuild_tensor_v3");
}

static td_status check_function(const td_torch *t, const td_pickle_value *call, td_error *error) {
    const td_pickle_value *function = &t->pickle.values[call->what];
    const size_t least = is_third(t, call) ? 7 : 4;
    if (!is_third(t, call) && !td_pickle_is_global(function, "torch._utils _rebuild_tensor_v2") &&
        !td_pickle_is_global(function, "torch._utils _rebuild_tensor"))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a tensor of numbers, found a quantised, sparse or empty one (%s): "
                       "save the model as it was before",
                       function->text.bytes);
    return t->pickle.values[call->inner].list.count >= least
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT,
                         "expected a tensor of storage, offset, size and stride, found less");
}

/* Arguments: storage, offset, size, stride, and, from the second version on, requires_grad, hooks,
 * (the third: dtype,) and, if not default, the tensor's bits. */
static td_status read_layout(const td_torch *t, const td_pickle_value *call,
                             td_torch_storage *storage, td_tensor *tensor, size_t *offset,
                             size_t *strides, td_error *error) {
    const td_pickle_value *arguments = &t->pickle.values[call->inner];
    const size_t plain = is_third(t, call) ? 7 : 6;
    size_t rank;
    if (!take_size(item(t, arguments, 1), offset))
        return td_fail(error, TD_ERR_FORMAT,
                       "offset: expected a whole number of at least 0, found another");
    if (arguments->list.count > plain && (item(t, arguments, plain)->kind != TD_PICKLE_DICT ||
                                          item(t, arguments, plain)->list.count > 0))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a plain tensor, found a negated or conjugated view");
    TD_TRY(read_sizes(t, item(t, arguments, 2), tensor->dims, &tensor->rank, "size", error));
    TD_TRY(read_sizes(t, item(t, arguments, 3), strides, &rank, "stride", error));
    if (rank != tensor->rank)
        return td_fail(error, TD_ERR_FORMAT, "stride: expected %zu numbers, found %zu",
                       tensor->rank, rank);
    return is_third(t, call) ? retype(item(t, arguments, 6), storage, error) : TD_OK;
}

static td_status read_tensor(const td_torch *t, const td_pickle_value *call, td_tensor *tensor,
                             td_error *error) {
    const td_pickle_value *arguments = &t->pickle.values[call->inner];
    size_t strides[TD_TENSOR_RANK], offset = 0;
    td_torch_storage storage;
    const char *key;
    TD_TRY(check_function(t, call, error));
    TD_TRY(td_torch_storage_read(t, item(t, arguments, 0), &key, &storage, error));
    td_status status = t->find(t->context, key, &storage, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "storage \"%s\"", key);
    TD_TRY(read_layout(t, call, &storage, tensor, &offset, strides, error));
    return td_torch_lay(tensor, &storage, offset, strides, &t->source->arena, error);
}

/* --- names --- */

/* A path of nested modules: "layer1.0.". */
typedef struct place {
    char name[LONGEST_NAME];
    size_t length, depth;
} place;

typedef struct walk {
    td_torch *torch;
    size_t room;  /* capacity of source->tensors */
    size_t looks; /* dictionary items visited: modules may be part of several others */
    td_error *error;
} walk;

static td_status enter(const walk *w, const place *from, const td_pickle_value *key, place *to) {
    const char *text;
    *to = *from;
    TD_TRY(copy_text(w->torch, key, &text, w->error));
    if (!text || key->text.length == 0 || from->length + key->text.length + 2 > LONGEST_NAME)
        return td_fail(w->error, TD_ERR_FORMAT,
                       "expected names of at most %d bytes without control characters, found "
                       "another below \"%s\"",
                       LONGEST_NAME - 2, from->name);
    memcpy(to->name + to->length, text, key->text.length + 1);
    to->length += key->text.length;
    to->depth++;
    return TD_OK;
}

static td_status add_tensor(walk *w, const place *at, const td_pickle_value *value) {
    td_source *source = w->torch->source;
    char *name;
    if (source->tensor_count == TD_SOURCE_TENSORS)
        return td_fail(w->error, TD_ERR_FORMAT, "expected at most %d tensors, found more",
                       TD_SOURCE_TENSORS);
    if (source->tensor_count == w->room) {
        td_tensor *more;
        w->room = td_size_max(64, 2 * w->room);
        TD_TRY(TD_ARENA_NEW(&source->arena, w->room, &more, "tensors", w->error));
        if (source->tensor_count > 0)
            memcpy(more, source->tensors, source->tensor_count * sizeof *more);
        source->tensors = more;
    }
    TD_TRY(td_arena_text(&source->arena, at->name, at->length, &name, w->error));
    td_tensor *tensor = &source->tensors[source->tensor_count++];
    tensor->name = name;
    td_status status = read_tensor(w->torch, value, tensor, w->error);
    return status == TD_OK ? TD_OK : td_fail_within(w->error, status, "tensor \"%s\"", name);
}

static td_status walk_module(walk *w, const place *at, const td_pickle_value *module);

static td_status look(walk *w, const td_pickle_value *value) {
    if (value && (value->kind == TD_PICKLE_DICT || value->kind == TD_PICKLE_SET))
        w->looks += value->list.count;
    return w->looks <= MOST_LOOKS
               ? TD_OK
               : td_fail(w->error, TD_ERR_FORMAT,
                         "expected modules with at most %d parts in all, found more", MOST_LOOKS);
}

static bool contains(const td_torch *t, const td_pickle_value *set, const td_pickle_value *key) {
    if (!set || set->kind != TD_PICKLE_SET)
        return false;
    for (size_t i = 0; i < set->list.count; i++) {
        const td_pickle_value *name = item(t, set, i);
        if (name->kind == TD_PICKLE_TEXT && name->text.length == key->text.length &&
            memcmp(name->text.bytes, key->text.bytes, key->text.length) == 0)
            return true;
    }
    return false;
}

/* The tensors and modules in a dictionary, ignoring other values and the names in `but`. */
static td_status walk_dict(walk *w, const place *at, const td_pickle_value *dict,
                           const td_pickle_value *but) {
    const td_torch *t = w->torch;
    TD_TRY(look(w, dict));
    for (size_t i = 0; dict && dict->kind == TD_PICKLE_DICT && i + 1 < dict->list.count; i += 2) {
        const td_pickle_value *key = item(t, dict, i), *value = item(t, dict, i + 1);
        place inner;
        TD_TRY(look(w, but));
        if (key->kind != TD_PICKLE_TEXT || contains(t, but, key) ||
            (!is_tensor(t, value) && value->kind != TD_PICKLE_OBJECT))
            continue;
        TD_TRY(enter(w, at, key, &inner));
        if (is_tensor(t, value)) {
            TD_TRY(add_tensor(w, &inner, value));
        } else {
            inner.name[inner.length++] = '.';
            inner.name[inner.length] = '\0';
            TD_TRY(walk_module(w, &inner, value));
        }
    }
    return TD_OK;
}

static bool is_script(const td_torch *t, const td_pickle_value *object) {
    return strncmp(t->pickle.values[object->what].text.bytes, "__torch__", 9) == 0;
}

/* A module keeps its parts in three dictionaries; a TorchScript module as attributes. */
static td_status walk_module(walk *w, const place *at, const td_pickle_value *module) {
    const td_torch *t = w->torch;
    const td_pickle_value *state = &t->pickle.values[module->inner];
    if (at->depth > MOST_DEPTH)
        return td_fail(w->error, TD_ERR_FORMAT,
                       "expected at most %d modules within one another, found more", MOST_DEPTH);
    TD_TRY(look(w, state));
    if (state->kind != TD_PICKLE_DICT)
        return TD_OK;
    if (is_script(t, module))
        return walk_dict(w, at, state, NULL);
    TD_TRY(walk_dict(w, at, td_pickle_get(&t->pickle, state, "_parameters"), NULL));
    TD_TRY(walk_dict(w, at, td_pickle_get(&t->pickle, state, "_buffers"),
                     td_pickle_get(&t->pickle, state, "_non_persistent_buffers_set")));
    return walk_dict(w, at, td_pickle_get(&t->pickle, state, "_modules"), NULL);
}

/* --- the content of the file --- */

static bool has_tensors(const td_torch *t, const td_pickle_value *dict) {
    for (size_t i = 0; i + 1 < dict->list.count; i += 2)
        if (item(t, dict, i)->kind == TD_PICKLE_TEXT && is_tensor(t, item(t, dict, i + 1)))
            return true;
    return false;
}

/* Unwraps a state_dict or module that is stored beside the epoch and the optimiser's state. */
static const td_pickle_value *unwrap(const td_torch *t, const td_pickle_value *dict,
                                     const char **name) {
    static const char *const names[] = {"state_dict", "model_state_dict", "model", "net", "netC"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const td_pickle_value *value = td_pickle_get(&t->pickle, dict, names[i]);
        if (value && (value->kind == TD_PICKLE_DICT || value->kind == TD_PICKLE_OBJECT)) {
            *name = names[i];
            return value;
        }
    }
    return NULL;
}

/* Lists the keys of a dictionary without a model, for the message. */
static td_status refuse_dict(const td_torch *t, const td_pickle_value *dict, td_error *error) {
    char keys[256] = "";
    for (size_t i = 0; i + 1 < dict->list.count && i < 12; i += 2) {
        const char *text = NULL;
        const size_t used = strlen(keys);
        if (item(t, dict, i)->kind == TD_PICKLE_TEXT)
            TD_TRY(copy_text(t, item(t, dict, i), &text, error));
        if (text)
            snprintf(keys + used, sizeof keys - used, "%s\"%.40s\"", used ? ", " : "", text);
    }
    return td_fail(error, TD_ERR_FORMAT,
                   "expected a state_dict, or one under \"state_dict\", \"model_state_dict\", "
                   "\"model\", \"net\" or \"netC\", found a dictionary %s%s: save the state_dict "
                   "alone",
                   *keys ? "of " : "without names", keys);
}

static td_status read_module(walk *w, const td_pickle_value *module) {
    td_source *source = w->torch->source;
    const place outermost = {{0}, 0, 0};
    source->mixed = is_script(w->torch, module);
    source->kind = source->mixed ? "TorchScript" : "pickled PyTorch module";
    source->advice =
        "the file has its weights, but not its net as data: name the net with --net, or "
        "export it in PyTorch, torch.onnx.export(model, example, \"model.onnx\")";
    TD_TRY(walk_module(w, &outermost, module));
    return source->tensor_count > 0
               ? TD_OK
               : td_fail(w->error, TD_ERR_FORMAT,
                         "expected an object of a torch.nn.Module, found one without parameters");
}

td_status td_torch_read(td_torch *t, td_error *error) {
    const td_pickle_value *value = &t->pickle.values[t->pickle.root];
    const place outermost = {{0}, 0, 0};
    walk w = {.torch = t, .error = error};
    t->source->kind = "PyTorch state_dict";
    for (size_t i = 0; value->kind == TD_PICKLE_DICT && !has_tensors(t, value); i++) {
        const char *name = NULL;
        const td_pickle_value *inner = i < MOST_WRAPPERS ? unwrap(t, value, &name) : NULL;
        if (!inner)
            return refuse_dict(t, value, error);
        value = inner;
        t->source->kind = "PyTorch checkpoint";
        TD_TRY(td_source_note(t->source, error,
                              "its weights are under \"%s\"; the rest is not read", name));
    }
    if (value->kind == TD_PICKLE_OBJECT)
        return read_module(&w, value);
    if (value->kind != TD_PICKLE_DICT)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a state_dict or a module, found another object");
    return walk_dict(&w, &outermost, value, NULL);
}
