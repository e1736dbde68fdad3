#include "model/pickle_machine.h"

#include <string.h>

typedef enum call_kind {
    CALL_KEPT,    /* a value that says what was to be called: a tensor */
    CALL_DICT,    /* a dictionary; its argument, if any, is a list of pairs */
    CALL_SET,     /* a set, of the list that is its argument */
    CALL_FIRST,   /* its first argument: a parameter is its tensor */
    CALL_SKIPPED, /* a value that no model needs */
} call_kind;

/* Whatever else a file wants to be called is refused. */
static const struct {
    const char *name;
    call_kind kind;
} calls[] = {
    {"collections OrderedDict", CALL_DICT},
    {"torch._utils _rebuild_tensor", CALL_KEPT},
    {"torch._utils _rebuild_tensor_v2", CALL_KEPT},
    {"torch._utils _rebuild_tensor_v3", CALL_KEPT},
    {"torch._utils _rebuild_qtensor", CALL_KEPT},
    {"torch._utils _rebuild_sparse_tensor", CALL_KEPT},
    {"torch._utils _rebuild_meta_tensor_no_storage", CALL_KEPT},
    {"torch._utils _rebuild_parameter", CALL_FIRST},
    {"torch.nn.parameter Parameter", CALL_FIRST},
    {"__builtin__ set", CALL_SET},
    {"builtins set", CALL_SET},
    {"_codecs encode", CALL_SKIPPED},
    {"numpy dtype", CALL_SKIPPED},
    {"numpy.core.multiarray scalar", CALL_SKIPPED},
    {"numpy._core.multiarray scalar", CALL_SKIPPED},
    {"numpy.core.multiarray _reconstruct", CALL_SKIPPED},
    {"numpy._core.multiarray _reconstruct", CALL_SKIPPED},
    {"pathlib PosixPath", CALL_SKIPPED},
    {"pathlib WindowsPath", CALL_SKIPPED},
    {"torch Size", CALL_SKIPPED},
    {"torch device", CALL_SKIPPED},
    {"torch.serialization _get_layout", CALL_SKIPPED},
    {"torch.jit._pickle build_intlist", CALL_SKIPPED},
    {"torch.jit._pickle build_doublelist", CALL_SKIPPED},
    {"torch.jit._pickle build_boollist", CALL_SKIPPED},
    {"torch.jit._pickle build_tensorlist", CALL_SKIPPED},
    {"torch.jit._pickle restore_type_tag", CALL_FIRST},
};

static bool find_call(const char *name, call_kind *out) {
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, name) == 0) {
            *out = calls[i].kind;
            return true;
        }
    return false;
}

static td_status refuse_call(const td_pickle_machine *m, const char *name) {
    const size_t module = strcspn(name, " ");
    return td_fail(
        m->error, TD_ERR_FORMAT,
        "pickle: byte %zu: the file calls %.*s.%s, which no model needs: refused, and not "
        "run",
        m->opcode, (int)module, name, name + module + 1);
}

/* The pairs of a list of lists or tuples of two. */
static td_status fill_dict(td_pickle_machine *m, uint32_t dict, uint32_t list) {
    const uint32_t count = m->out->values[list].list.count;
    for (uint32_t i = 0; i < count; i++) {
        const td_pickle_value *pair = td_pickle_item(m->out, &m->out->values[list], i);
        if ((pair->kind != TD_PICKLE_LIST && pair->kind != TD_PICKLE_TUPLE) ||
            pair->list.count != 2)
            return td_pickle_wrong(m, "expected a dictionary made of pairs, found another item");
        TD_TRY(td_pickle_add_items(m, dict, pair->list.items, 2));
    }
    return TD_OK;
}

/* A dictionary or a set made of nothing or of one list. */
static td_status push_container(td_pickle_machine *m, bool dict, uint32_t arguments) {
    const td_pickle_value *tuple = &m->out->values[arguments];
    const uint32_t list = tuple->list.count ? tuple->list.items[0] : 0;
    uint32_t place;
    if (tuple->list.count > 1 || (list && m->out->values[list].kind != TD_PICKLE_LIST))
        return td_pickle_wrong(
            m, "expected a dictionary or a set made of a list, found something else");
    TD_TRY(
        td_pickle_add(m, (td_pickle_value){.kind = dict ? TD_PICKLE_DICT : TD_PICKLE_SET}, &place));
    if (list && dict)
        TD_TRY(fill_dict(m, place, list));
    else if (list)
        TD_TRY(td_pickle_add_items(m, place, m->out->values[list].list.items,
                                   m->out->values[list].list.count));
    return td_pickle_push_place(m, place);
}

td_status td_pickle_reduce(td_pickle_machine *m) {
    uint32_t arguments, function;
    call_kind kind;
    TD_TRY(td_pickle_pop(m, &arguments));
    TD_TRY(td_pickle_pop(m, &function));
    const td_pickle_value *f = &m->out->values[function], *a = &m->out->values[arguments];
    if (f->kind != TD_PICKLE_GLOBAL || a->kind != TD_PICKLE_TUPLE)
        return td_pickle_wrong(
            m, "expected a call of a function by its name with a tuple, found another");
    if (!find_call(f->text.bytes, &kind))
        return refuse_call(m, f->text.bytes);
    switch (kind) {
    case CALL_DICT:
    case CALL_SET:
        return push_container(m, kind == CALL_DICT, arguments);
    case CALL_FIRST:
        return a->list.count ? td_pickle_push_place(m, a->list.items[0])
                             : td_pickle_wrong(m, "expected an argument, found none");
    case CALL_SKIPPED:
        return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_SKIPPED});
    default:
        return td_pickle_push(
            m, (td_pickle_value){.kind = TD_PICKLE_CALL, .what = function, .inner = arguments});
    }
}

/* An object of a class that stays a name. In the older container the name may be within what says
 * where its source text is: ('module', class, file, text). */
td_status td_pickle_newobj(td_pickle_machine *m) {
    uint32_t arguments, class;
    TD_TRY(td_pickle_pop(m, &arguments));
    TD_TRY(td_pickle_pop(m, &class));
    if (m->out->values[class].kind == TD_PICKLE_PERSISTENT) {
        const td_pickle_value *id = &m->out->values[m->out->values[class].inner];
        if (id->kind == TD_PICKLE_TUPLE && id->list.count > 1 &&
            td_pickle_is_text(td_pickle_item(m->out, id, 0), "module"))
            class = id->list.items[1];
    }
    if (m->out->values[class].kind != TD_PICKLE_GLOBAL ||
        m->out->values[arguments].kind != TD_PICKLE_TUPLE)
        return td_pickle_wrong(m, "expected an object of a class by its name, found another");
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_OBJECT, .what = class});
}

/* Gives an object its state. What dictionaries have beside their items, and what skipped values
 * have, is let go. */
td_status td_pickle_build(td_pickle_machine *m) {
    uint32_t state, place;
    TD_TRY(td_pickle_pop(m, &state));
    TD_TRY(td_pickle_top(m, &place));
    td_pickle_value *value = &m->out->values[place];
    if (value->kind == TD_PICKLE_OBJECT && value->inner == 0) {
        value->inner = state;
        return TD_OK;
    }
    if (value->kind == TD_PICKLE_SKIPPED ||
        (value->kind == TD_PICKLE_DICT && m->out->values[state].kind == TD_PICKLE_DICT))
        return TD_OK;
    return td_pickle_wrong(
        m, "expected an object without a state, or a dictionary, to give a state to");
}
