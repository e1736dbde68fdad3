/* SPDX-License-Identifier: MIT */
#include "data/pickle_machine.h"

#include <string.h>

static bool find_call(const td_pickle_machine *m, const char *name, td_pickle_call *out) {
    for (const td_pickle_function *row = m->user->functions; row->name; row++)
        if (strcmp(row->name, name) == 0) {
            *out = row->call;
            return true;
        }
    return false;
}

static td_status refuse_call(const td_pickle_machine *m, const char *name) {
    const size_t module = strcspn(name, " ");
    return td_fail(
        m->error, TD_ERR_FORMAT,
        "pickle: byte %zu: the file calls %.*s.%s, which no %s needs: refused, and not run",
        m->opcode, (int)module, name, name + module + 1, m->user->what);
}

/* Reads pairs from a list of lists or tuples of two. */
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

/* A dictionary or a set, empty or from a list. */
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
    td_pickle_call kind;
    TD_TRY(td_pickle_pop(m, &arguments));
    TD_TRY(td_pickle_pop(m, &function));
    const td_pickle_value *f = &m->out->values[function], *a = &m->out->values[arguments];
    if (f->kind != TD_PICKLE_GLOBAL || a->kind != TD_PICKLE_TUPLE)
        return td_pickle_wrong(
            m, "expected a call of a function by its name with a tuple, found another");
    if (!find_call(m, f->text.bytes, &kind))
        return refuse_call(m, f->text.bytes);
    switch (kind) {
    case TD_PICKLE_MAP:
    case TD_PICKLE_SET_OF:
        return push_container(m, kind == TD_PICKLE_MAP, arguments);
    case TD_PICKLE_FIRST:
        return a->list.count ? td_pickle_push_place(m, a->list.items[0])
                             : td_pickle_wrong(m, "expected an argument, found none");
    case TD_PICKLE_NOTHING:
        return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_SKIPPED});
    default:
        return td_pickle_push(
            m, (td_pickle_value){.kind = TD_PICKLE_CALL, .what = function, .inner = arguments});
    }
}

/* An object whose class stays a name. In the older container the name may be inside a record of its
 * source: ('module', class, file, text). */
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

static bool takes_state(const td_pickle_machine *m, const td_pickle_value *value) {
    td_pickle_call kind;
    return value->kind == TD_PICKLE_CALL && value->state == 0 &&
           find_call(m, m->out->values[value->what].text.bytes, &kind) && kind == TD_PICKLE_STATED;
}

/* Sets an object's state. Drops attributes of dictionaries, and the state of skipped values. */
td_status td_pickle_build(td_pickle_machine *m) {
    uint32_t state, place;
    TD_TRY(td_pickle_pop(m, &state));
    TD_TRY(td_pickle_top(m, &place));
    td_pickle_value *value = &m->out->values[place];
    if (value->kind == TD_PICKLE_OBJECT && value->inner == 0) {
        value->inner = state;
        return TD_OK;
    }
    if (takes_state(m, value)) {
        value->state = state;
        return TD_OK;
    }
    if (value->kind == TD_PICKLE_SKIPPED ||
        (value->kind == TD_PICKLE_DICT && m->out->values[state].kind == TD_PICKLE_DICT))
        return TD_OK;
    return td_pickle_wrong(
        m, "expected an object without a state, or a dictionary, to give a state to");
}
