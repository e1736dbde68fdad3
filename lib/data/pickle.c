/* SPDX-License-Identifier: MIT */
#include "data/pickle_machine.h"

#include "base/size.h"
#include "data/text.h"
#include <stdio.h>
#include <string.h>

enum {
    PROTOCOL = 0x80,
    LEAST_PROTOCOL = 2,
    MOST_PROTOCOL = 5,
    MOST_VALUES = 1 << 22,
    MOST_ITEMS = 1 << 24,
    MOST_MARKS = 1 << 10,
    LONGEST_NAME = 256,
    FALSE_VALUE = 1, /* values[1], [2] */
    TRUE_VALUE = 2,
};

static td_status grow(td_pickle_numbers *list, uint32_t count, td_arena *arena, td_error *error) {
    if (count <= list->room)
        return TD_OK;
    const uint32_t room = (uint32_t)td_size_max(count, 2 * (size_t)list->room);
    uint32_t *more;
    TD_TRY(TD_ARENA_NEW(arena, room, &more, "a pickle", error));
    if (list->count > 0)
        memcpy(more, list->at, list->count * sizeof *more);
    list->at = more;
    list->room = room;
    return TD_OK;
}

static td_status append(td_pickle_numbers *list, uint32_t number, td_arena *arena,
                        td_error *error) {
    TD_TRY(grow(list, list->count + 1, arena, error));
    list->at[list->count++] = number;
    return TD_OK;
}

td_status td_pickle_wrong(const td_pickle_machine *m, const char *what) {
    return td_fail(m->error, TD_ERR_FORMAT, "pickle: byte %zu: %s", m->opcode, what);
}

/* --- bytes --- */

static td_status take(td_pickle_machine *m, size_t count, const uint8_t **out) {
    *out = m->bytes;
    if (count > m->size - m->next)
        return td_pickle_wrong(m, "expected more bytes, found the end of the pickle");
    *out = m->bytes + m->next;
    m->next += count;
    return TD_OK;
}

/* A number of 1, 2, 4 or 8 bytes. */
static td_status take_number(td_pickle_machine *m, size_t width, uint64_t *out) {
    const uint8_t *at;
    *out = 0;
    TD_TRY(take(m, width, &at));
    for (size_t i = width; i-- > 0;)
        *out = *out << 8 | at[i];
    return TD_OK;
}

/* --- values --- */

td_status td_pickle_add(td_pickle_machine *m, td_pickle_value value, uint32_t *out) {
    td_pickle *p = m->out;
    if (p->count == m->room) {
        const uint32_t room = (uint32_t)td_size_max(64, 2 * (size_t)m->room);
        td_pickle_value *more;
        if (room > MOST_VALUES)
            return td_pickle_wrong(m, "expected at most 4 million values, found more");
        TD_TRY(TD_ARENA_NEW(m->arena, room, &more, "a pickle", m->error));
        if (p->count > 0)
            memcpy(more, p->values, p->count * sizeof *more);
        p->values = more;
        m->room = room;
    }
    *out = p->count;
    p->values[p->count++] = value;
    return TD_OK;
}

td_status td_pickle_push_place(td_pickle_machine *m, uint32_t place) {
    return append(&m->stack, place, m->arena, m->error);
}

td_status td_pickle_push(td_pickle_machine *m, td_pickle_value value) {
    uint32_t place;
    TD_TRY(td_pickle_add(m, value, &place));
    return td_pickle_push_place(m, place);
}

td_status td_pickle_pop(td_pickle_machine *m, uint32_t *out) {
    *out = 0;
    const uint32_t floor = m->marks.count ? m->marks.at[m->marks.count - 1] : 0;
    if (m->stack.count <= floor)
        return td_pickle_wrong(m, "expected a value on the stack, found none");
    *out = m->stack.at[--m->stack.count];
    return TD_OK;
}

/* The value on top of the stack, which is kept. */
td_status td_pickle_top(td_pickle_machine *m, uint32_t *out) {
    TD_TRY(td_pickle_pop(m, out));
    m->stack.count++;
    return TD_OK;
}

/* Pops the values above the topmost mark; they stay valid until the next push. */
static td_status pop_mark(td_pickle_machine *m, const uint32_t **items, uint32_t *count) {
    *items = NULL;
    *count = 0;
    if (m->marks.count == 0)
        return td_pickle_wrong(m, "expected a mark on the stack, found none");
    const uint32_t mark = m->marks.at[--m->marks.count];
    *count = m->stack.count - mark;
    *items = *count > 0 ? m->stack.at + mark : NULL;
    m->stack.count = mark;
    return TD_OK;
}

td_status td_pickle_add_items(td_pickle_machine *m, uint32_t place, const uint32_t *items,
                              uint32_t count) {
    td_pickle_value *value = &m->out->values[place];
    m->items += count;
    if (m->items > MOST_ITEMS)
        return td_pickle_wrong(m, "expected at most 16 million items of containers, found more");
    td_pickle_numbers list = {value->list.items, value->list.count, value->list.room};
    TD_TRY(grow(&list, list.count + count, m->arena, m->error));
    if (count > 0)
        memcpy(list.at + list.count, items, count * sizeof *items);
    value->list.items = list.at;
    value->list.count = list.count + count;
    value->list.room = list.room;
    return TD_OK;
}

static td_status push_tuple(td_pickle_machine *m, const uint32_t *items, uint32_t count) {
    uint32_t place;
    TD_TRY(td_pickle_add(m, (td_pickle_value){.kind = TD_PICKLE_TUPLE}, &place));
    TD_TRY(td_pickle_add_items(m, place, items, count));
    return td_pickle_push_place(m, place);
}

/* Adds to the container on top of the stack, which must be of that kind. */
static td_status add_to(td_pickle_machine *m, td_pickle_kind kind, const char *what,
                        const uint32_t *items, uint32_t count) {
    uint32_t place;
    TD_TRY(td_pickle_top(m, &place));
    if (m->out->values[place].kind != kind)
        return td_pickle_wrong(m, what);
    return td_pickle_add_items(m, place, items, count);
}

/* --- names --- */

static td_status push_global(td_pickle_machine *m, const char *module, size_t module_size,
                             const char *name, size_t name_size) {
    char *text;
    if (module_size == 0 || name_size == 0 || module_size + name_size > LONGEST_NAME)
        return td_pickle_wrong(
            m, "expected the name of a class or function, found none, or a longer one");
    TD_TRY(TD_ARENA_NEW(m->arena, module_size + name_size + 2, &text, "a name", m->error));
    memcpy(text, module, module_size);
    text[module_size] = ' ';
    memcpy(text + module_size + 1, name, name_size);
    if (strlen(text) != module_size + name_size + 1 || !td_text_is_plain(text))
        return td_pickle_wrong(m, "the name of a class or function holds control characters");
    return td_pickle_push(
        m, (td_pickle_value){.kind = TD_PICKLE_GLOBAL,
                             .text = {text, (uint32_t)(module_size + name_size + 1)}});
}

static td_status take_line(td_pickle_machine *m, const char **out, size_t *length) {
    *out = NULL;
    *length = 0;
    const uint8_t *from = m->bytes + m->next;
    const uint8_t *end = memchr(from, '\n', td_size_min(m->size - m->next, LONGEST_NAME));
    if (!end)
        return td_pickle_wrong(m, "expected a name that ends with a line, found none");
    *out = (const char *)from;
    *length = (size_t)(end - from);
    m->next += *length + 1;
    return TD_OK;
}

static td_status run_global(td_pickle_machine *m) {
    const char *module, *name;
    size_t module_size, name_size;
    TD_TRY(take_line(m, &module, &module_size));
    TD_TRY(take_line(m, &name, &name_size));
    return push_global(m, module, module_size, name, name_size);
}

static td_status run_stack_global(td_pickle_machine *m) {
    uint32_t module, name;
    TD_TRY(td_pickle_pop(m, &name));
    TD_TRY(td_pickle_pop(m, &module));
    const td_pickle_value *a = &m->out->values[module], *b = &m->out->values[name];
    if (a->kind != TD_PICKLE_TEXT || b->kind != TD_PICKLE_TEXT)
        return td_pickle_wrong(m, "expected two texts as a name, found something else");
    return push_global(m, a->text.bytes, a->text.length, b->text.bytes, b->text.length);
}

/* --- plain values --- */

static td_status run_text(td_pickle_machine *m) {
    uint64_t length;
    const uint8_t *bytes;
    TD_TRY(take_number(m, m->width, &length));
    if (length > UINT32_MAX)
        return td_pickle_wrong(m, "expected a text of less than 4 GiB, found a longer one");
    TD_TRY(take(m, (size_t)length, &bytes));
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_TEXT,
                                               .text = {(const char *)bytes, (uint32_t)length}});
}

static td_status run_int(td_pickle_machine *m) {
    uint64_t number;
    TD_TRY(take_number(m, m->width, &number));
    const int64_t value = m->width == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number;
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_INT, .integer = value});
}

/* Two's complement of any length, the lowest byte first. */
static td_status run_long1(td_pickle_machine *m) {
    uint64_t length, bits = 0;
    const uint8_t *at;
    TD_TRY(take_number(m, 1, &length));
    TD_TRY(take(m, (size_t)length, &at));
    if (length > 8)
        return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_SKIPPED});
    if (length > 0 && at[length - 1] & 0x80)
        bits = UINT64_MAX;
    for (size_t i = (size_t)length; i-- > 0;)
        bits = bits << 8 | at[i];
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_INT, .integer = value});
}

/* A double, the highest byte first. */
static td_status run_binfloat(td_pickle_machine *m) {
    const uint8_t *at;
    uint64_t bits = 0;
    double value;
    TD_TRY(take(m, 8, &at));
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | at[i];
    memcpy(&value, &bits, sizeof value);
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_REAL, .real = value});
}

static td_status run_none(td_pickle_machine *m) {
    return td_pickle_push_place(m, 0);
}
static td_status run_false(td_pickle_machine *m) {
    return td_pickle_push_place(m, FALSE_VALUE);
}
static td_status run_true(td_pickle_machine *m) {
    return td_pickle_push_place(m, TRUE_VALUE);
}
static td_status run_empty_dict(td_pickle_machine *m) {
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_DICT});
}
static td_status run_empty_list(td_pickle_machine *m) {
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_LIST});
}
static td_status run_empty_set(td_pickle_machine *m) {
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_SET});
}
static td_status run_empty_tuple(td_pickle_machine *m) {
    return push_tuple(m, NULL, 0);
}

/* --- containers --- */

static td_status run_mark(td_pickle_machine *m) {
    if (m->marks.count == MOST_MARKS)
        return td_pickle_wrong(m,
                               "expected at most 1024 containers within one another, found more");
    return append(&m->marks, m->stack.count, m->arena, m->error);
}

static td_status run_tuple(td_pickle_machine *m) {
    const uint32_t *items;
    uint32_t count;
    TD_TRY(pop_mark(m, &items, &count));
    return push_tuple(m, items, count);
}

static td_status run_short_tuple(td_pickle_machine *m) {
    const size_t count = m->width;
    uint32_t items[3];
    for (size_t i = count; i-- > 0;)
        TD_TRY(td_pickle_pop(m, &items[i]));
    return push_tuple(m, items, (uint32_t)count);
}

static const char no_dict[] = "expected a dictionary to put items into, found something else",
                  no_list[] = "expected a list to put items into, found something else",
                  no_set[] = "expected a set to put items into, found something else";

static td_status run_setitem(td_pickle_machine *m) {
    uint32_t items[2];
    TD_TRY(td_pickle_pop(m, &items[1]));
    TD_TRY(td_pickle_pop(m, &items[0]));
    return add_to(m, TD_PICKLE_DICT, no_dict, items, 2);
}

static td_status run_setitems(td_pickle_machine *m) {
    const uint32_t *items;
    uint32_t count;
    TD_TRY(pop_mark(m, &items, &count));
    if (count % 2)
        return td_pickle_wrong(m, "expected a value for each key, found a key without");
    return add_to(m, TD_PICKLE_DICT, no_dict, items, count);
}

static td_status run_append(td_pickle_machine *m) {
    uint32_t item;
    TD_TRY(td_pickle_pop(m, &item));
    return add_to(m, TD_PICKLE_LIST, no_list, &item, 1);
}

static td_status run_appends(td_pickle_machine *m) {
    const uint32_t *items;
    uint32_t count;
    TD_TRY(pop_mark(m, &items, &count));
    return add_to(m, TD_PICKLE_LIST, no_list, items, count);
}

static td_status run_additems(td_pickle_machine *m) {
    const uint32_t *items;
    uint32_t count;
    TD_TRY(pop_mark(m, &items, &count));
    return add_to(m, TD_PICKLE_SET, no_set, items, count);
}

static td_status run_binpersid(td_pickle_machine *m) {
    uint32_t id;
    TD_TRY(td_pickle_pop(m, &id));
    return td_pickle_push(m, (td_pickle_value){.kind = TD_PICKLE_PERSISTENT, .inner = id});
}

/* --- memo --- */

/* Limited to the number of values: a much larger index would only waste memory. */
static td_status put(td_pickle_machine *m, uint64_t number) {
    uint32_t place;
    TD_TRY(td_pickle_top(m, &place));
    if (number > m->out->count)
        return td_pickle_wrong(
            m, "expected a number of the memo up to the count of values, found a larger");
    const uint32_t count = (uint32_t)number + 1;
    TD_TRY(grow(&m->memo, count, m->arena, m->error));
    if (m->memo.count < count)
        m->memo.count = count;
    m->memo.at[number] = place;
    return TD_OK;
}

static td_status run_put(td_pickle_machine *m) {
    uint64_t number;
    TD_TRY(take_number(m, m->width, &number));
    return put(m, number);
}

static td_status run_get(td_pickle_machine *m) {
    uint64_t number;
    TD_TRY(take_number(m, m->width, &number));
    if (number >= m->memo.count || m->memo.at[number] == 0)
        return td_pickle_wrong(m, "expected the number of a value in the memo, found another");
    return td_pickle_push_place(m, m->memo.at[number]);
}

static td_status run_memoize(td_pickle_machine *m) {
    return put(m, m->memo.count);
}

/* --- the program --- */

static td_status run_proto(td_pickle_machine *m) {
    uint64_t protocol;
    TD_TRY(take_number(m, 1, &protocol));
    if (m->opcode != 0 || protocol < LEAST_PROTOCOL || protocol > MOST_PROTOCOL)
        return td_pickle_wrong(m,
                               "expected one protocol of 2 to 5, at the beginning, found another");
    return TD_OK;
}

static td_status run_frame(td_pickle_machine *m) {
    uint64_t length;
    TD_TRY(take_number(m, 8, &length));
    return length <= m->size - m->next ? TD_OK
                                       : td_pickle_wrong(m, "a frame ends after the pickle");
}

static td_status run_stop(td_pickle_machine *m) {
    TD_TRY(td_pickle_pop(m, &m->out->root));
    if (m->stack.count > 0 || m->marks.count > 0)
        return td_pickle_wrong(m, "expected one value at the end, found more");
    m->stopped = true;
    return TD_OK;
}

static const struct {
    td_status (*run)(td_pickle_machine *m);
    size_t width;
} opcodes[256] = {
    [PROTOCOL] = {run_proto},
    [0x95] = {run_frame},
    ['.'] = {run_stop},
    ['N'] = {run_none},
    [0x88] = {run_true},
    [0x89] = {run_false},
    ['J'] = {run_int, 4},
    ['K'] = {run_int, 1},
    ['M'] = {run_int, 2},
    [0x8a] = {run_long1},
    ['G'] = {run_binfloat},
    ['U'] = {run_text, 1},  /* SHORT_BINSTRING */
    ['T'] = {run_text, 4},  /* BINSTRING */
    ['C'] = {run_text, 1},  /* SHORT_BINBYTES */
    ['B'] = {run_text, 4},  /* BINBYTES */
    [0x8e] = {run_text, 8}, /* BINBYTES8 */
    [0x96] = {run_text, 8}, /* BYTEARRAY8 */
    ['X'] = {run_text, 4},  /* BINUNICODE */
    [0x8c] = {run_text, 1}, /* SHORT_BINUNICODE */
    ['}'] = {run_empty_dict},
    [']'] = {run_empty_list},
    [0x8f] = {run_empty_set},
    [')'] = {run_empty_tuple},
    ['('] = {run_mark},
    ['t'] = {run_tuple},
    [0x85] = {run_short_tuple, 1},
    [0x86] = {run_short_tuple, 2},
    [0x87] = {run_short_tuple, 3},
    ['s'] = {run_setitem},
    ['u'] = {run_setitems},
    ['a'] = {run_append},
    ['e'] = {run_appends},
    [0x90] = {run_additems},
    ['c'] = {run_global},
    [0x93] = {run_stack_global},
    ['Q'] = {run_binpersid},
    ['R'] = {td_pickle_reduce},
    [0x81] = {td_pickle_newobj},
    ['b'] = {td_pickle_build},
    ['q'] = {run_put, 1},
    ['r'] = {run_put, 4},
    [0x94] = {run_memoize},
    ['h'] = {run_get, 1},
    ['j'] = {run_get, 4},
};

/* Opcodes that Python supports but that neither models nor sets need: they create objects by calls.
 */
static const char *forbidden(uint8_t opcode) {
    switch (opcode) {
    case 'i':
        return "INST";
    case 'o':
        return "OBJ";
    case 0x92:
        return "NEWOBJ_EX";
    case 0x82:
    case 0x83:
    case 0x84:
        return "EXT";
    default:
        return NULL;
    }
}

static td_status step(td_pickle_machine *m) {
    const uint8_t *opcode;
    m->opcode = m->next;
    TD_TRY(take(m, 1, &opcode));
    m->width = opcodes[*opcode].width;
    if (opcodes[*opcode].run)
        return opcodes[*opcode].run(m);
    const char *name = forbidden(*opcode);
    return name ? td_fail(m->error, TD_ERR_FORMAT,
                          "pickle: byte %zu: opcode %s, which makes an object by a call: refused, "
                          "and not run",
                          m->opcode, name)
                : td_fail(
                      m->error, TD_ERR_FORMAT,
                      "pickle: byte %zu: expected an opcode that PyTorch's or NumPy's files have, "
                      "found 0x%02x",
                      m->opcode, *opcode);
}

bool td_pickle_is(const uint8_t *bytes, size_t size) {
    return size > 2 && bytes[0] == PROTOCOL && bytes[1] >= LEAST_PROTOCOL &&
           bytes[1] <= MOST_PROTOCOL && opcodes[bytes[2]].run;
}

td_status td_pickle_read(td_pickle *out, const uint8_t *bytes, size_t size,
                         const td_pickle_user *user, td_arena *arena, td_error *error) {
    td_pickle_machine m = {
        .user = user, .bytes = bytes, .size = size, .out = out, .arena = arena, .error = error};
    uint32_t place;
    *out = (td_pickle){0};
    TD_TRY(td_pickle_add(&m, (td_pickle_value){.kind = TD_PICKLE_NONE}, &place));
    TD_TRY(td_pickle_add(&m, (td_pickle_value){.kind = TD_PICKLE_BOOL}, &place));
    TD_TRY(td_pickle_add(&m, (td_pickle_value){.kind = TD_PICKLE_BOOL, .integer = 1}, &place));
    while (!m.stopped)
        TD_TRY(step(&m));
    out->size = m.next;
    return TD_OK;
}

/* --- looking at values --- */

bool td_pickle_is_text(const td_pickle_value *value, const char *text) {
    return value->kind == TD_PICKLE_TEXT && value->text.length == strlen(text) &&
           memcmp(value->text.bytes, text, value->text.length) == 0;
}

bool td_pickle_is_global(const td_pickle_value *value, const char *name) {
    return value->kind == TD_PICKLE_GLOBAL && strcmp(value->text.bytes, name) == 0;
}

const td_pickle_value *td_pickle_get(const td_pickle *pickle, const td_pickle_value *dict,
                                     const char *key) {
    for (uint32_t i = dict->list.count; dict->kind == TD_PICKLE_DICT && i >= 2; i -= 2)
        if (td_pickle_is_text(td_pickle_item(pickle, dict, i - 2), key))
            return td_pickle_item(pickle, dict, i - 1);
    return NULL;
}
