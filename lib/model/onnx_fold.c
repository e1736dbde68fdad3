/* SPDX-License-Identifier: MIT */
/* Nodes whose inputs are constant, are computed: the shape arithmetic that exporters write, and
 * operations on weights. Whole numbers are exact to 2^53; floats are rounded after each node. */
#include "base/size.h"
#include "model/floats.h"
#include "model/onnx_build.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers that a constant may have: as many as the largest nets have weights. All nodes of a file
 * together compute at most MANY, and FOLDS for each byte of the file. */
enum { MOST_FOLDED = 1 << 28, MANY = 1 << 20, FOLDS = 16 };

/* Counts numbers that are computed. A small file cannot ask for the work of a large one. */
static td_status spend(td_onnx_build *b, size_t count, td_error *error) {
    const td_source *source = b->onnx->source;
    const size_t bytes = source->map.size + source->beside_map.size;
    const size_t most = bytes < MOST_FOLDED / FOLDS ? MANY + FOLDS * bytes : MOST_FOLDED;
    if (count <= most && b->folded <= most - count) {
        b->folded += count;
        return TD_OK;
    }
    return td_fail(error, TD_ERR_FORMAT,
                   "expected at most %zu numbers that are computed of constants, found more", most);
}

td_status td_onnx_new(td_onnx_build *b, td_dtype dtype, size_t rank, const size_t *dims,
                      td_tensor **out, void **values, td_error *error) {
    td_tensor made = {.name = "", .dtype = dtype, .rank = rank};
    for (size_t i = 0; i < rank; i++)
        made.dims[i] = dims[i];
    TD_TRY(spend(b, td_size_product(dims, rank, &made.count) ? made.count : SIZE_MAX, error));
    made.bytes = made.count * td_dtype_size(dtype);
    TD_TRY(td_arena_alloc(b->arena, made.count, td_dtype_size(dtype), values, "a constant", error));
    made.data = *values;
    TD_TRY(TD_ARENA_NEW(b->arena, 1, out, "a constant", error));
    **out = made;
    return TD_OK;
}

static bool is_float(const td_onnx_value *value) {
    return td_dtype_is_float(value->tensor->dtype);
}

/* A constant built number by number. */
typedef struct maker {
    td_tensor *tensor;
    void *values;
    size_t at;
} maker;

static td_status begin(td_onnx_build *b, maker *m, bool floats, size_t rank, const size_t *dims,
                       td_error *error) {
    m->at = 0;
    return td_onnx_new(b, floats ? TD_F32 : TD_I64, rank, dims, &m->tensor, &m->values, error);
}

static void put(maker *m, double value) {
    if (m->tensor->dtype == TD_F32)
        ((float *)m->values)[m->at++] = (float)value;
    else if (value >= 0x1p63)
        ((int64_t *)m->values)[m->at++] = INT64_MAX;
    else
        ((int64_t *)m->values)[m->at++] = value > -0x1p63 ? (int64_t)value : INT64_MIN;
}

static void give(td_onnx_step *step, const maker *m) {
    td_onnx_give_constant(step->out[0], m->tensor, td_view_rows(m->tensor->rank, m->tensor->dims));
}

/* --- element by element --- */

static double negate(double x) {
    return -x;
}
static double not(double x) {
    return x == 0;
}
static double reciprocal(double x) {
    return 1 / x;
}
static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double keep(double x) {
    return x;
}

static const struct {
    const char *op;
    double (*of)(double);
} unary[] = {
    {"Neg", negate},    {"Not", not },        {"Abs", fabs},
    {"Sqrt", sqrt},     {"Exp", exp},         {"Log", log},
    {"Ceil", ceil},     {"Floor", floor},     {"Erf", erf},
    {"Sin", sin},       {"Cos", cos},         {"Tanh", tanh},
    {"Round", rint},    {"Sigmoid", sigmoid}, {"Reciprocal", reciprocal},
    {"Identity", keep},
};

static double add(double x, double y) {
    return x + y;
}
static double subtract(double x, double y) {
    return x - y;
}
static double multiply(double x, double y) {
    return x * y;
}
static double divide(double x, double y) {
    return x / y;
}
static double modulo(double x, double y) {
    return y == 0 ? 0 : x - y * floor(x / y);
}
static double equal(double x, double y) {
    return x == y;
}
static double less(double x, double y) {
    return x < y;
}
static double greater(double x, double y) {
    return x > y;
}
static double at_least(double x, double y) {
    return x >= y;
}
static double at_most(double x, double y) {
    return x <= y;
}
static double both(double x, double y) {
    return x != 0 && y != 0;
}
static double either(double x, double y) {
    return x != 0 || y != 0;
}

static const struct {
    const char *op;
    double (*of)(double, double);
    bool truth; /* also gives integers for floats */
} binary[] = {
    {"Add", add},
    {"Sub", subtract},
    {"Mul", multiply},
    {"Div", divide},
    {"Pow", pow},
    {"Mod", modulo},
    {"Min", fmin},
    {"Max", fmax},
    {"Sum", add},
    {"Equal", equal, true},
    {"Less", less, true},
    {"Greater", greater, true},
    {"GreaterOrEqual", at_least, true},
    {"LessOrEqual", at_most, true},
    {"And", both, true},
    {"Or", either, true},
};

/* The broadcast sizes of two operands, by ONNX's (NumPy's) rule. */
static bool broadcast(size_t *rank, size_t *dims, const td_view *other) {
    size_t made[TD_TENSOR_RANK];
    const size_t most = td_size_max(*rank, other->rank);
    for (size_t d = 0; d < most; d++) {
        const size_t a = d < most - *rank ? 1 : dims[d - (most - *rank)];
        const size_t o = d < most - other->rank ? 1 : other->dims[d - (most - other->rank)];
        if (a != o && a != 1 && o != 1)
            return false;
        made[d] = a == 1 ? o : a;
    }
    memcpy(dims, made, most * sizeof *dims);
    *rank = most;
    return true;
}

/* A view with each size of 1 repeated to the requested size. */
static td_view spread(const td_view *view, size_t rank, const size_t *dims) {
    td_view out = {.rank = rank, .offset = view->offset};
    for (size_t d = 0; d < rank; d++) {
        const bool there = d >= rank - view->rank;
        const size_t from = d - (rank - view->rank);
        out.dims[d] = dims[d];
        out.strides[d] = there && view->dims[from] > 1 ? view->strides[from] : 0;
    }
    return out;
}

static double number(const td_onnx_value *value, const td_view *view, size_t i) {
    return td_tensor_number(value->tensor, td_view_place(view, i));
}

static td_status fold_unary(td_onnx_build *b, td_onnx_step *step, double (*of)(double),
                            td_error *error) {
    const td_onnx_value *x = step->in[0];
    const size_t count = td_view_count(&x->view);
    maker m;
    TD_TRY(begin(b, &m, is_float(x), x->view.rank, x->view.dims, error));
    for (size_t i = 0; i < count; i++)
        put(&m, of(td_onnx_at(x, i)));
    give(step, &m);
    return TD_OK;
}

static td_status wrong_broadcast(td_error *error) {
    return td_fail(error, TD_ERR_FORMAT,
                   "expected constants whose sizes go together, found others");
}

static td_status fold_binary(td_onnx_build *b, td_onnx_step *step, size_t which, td_error *error) {
    td_onnx_value joined = *step->in[0];
    maker m;
    for (size_t k = 1; k < step->node->input_count; k++) {
        const td_onnx_value *y = step->in[k];
        size_t rank = joined.view.rank, dims[TD_TENSOR_RANK], count;
        memcpy(dims, joined.view.dims, sizeof dims);
        if (!y || !broadcast(&rank, dims, &y->view))
            return wrong_broadcast(error);
        const bool floats = is_float(&joined) || is_float(y);
        const bool whole = !floats && strcmp(binary[which].op, "Div") == 0;
        TD_TRY(begin(b, &m, floats && !binary[which].truth, rank, dims, error));
        const td_view a = spread(&joined.view, rank, dims), o = spread(&y->view, rank, dims);
        count = m.tensor->count;
        for (size_t i = 0; i < count; i++) {
            const double right = number(y, &o, i);
            if (whole && right == 0)
                return td_fail(error, TD_ERR_FORMAT, "expected no division by 0, found one");
            const double result = binary[which].of(number(&joined, &a, i), right);
            put(&m, whole ? trunc(result) : result);
        }
        joined.tensor = m.tensor;
        joined.view = td_view_rows(rank, dims);
    }
    td_onnx_give_constant(step->out[0], joined.tensor, joined.view);
    return TD_OK;
}

static td_status fold_where(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *c = step->in[0], *x = td_onnx_in(step, 1), *y = td_onnx_in(step, 2);
    size_t rank = c->view.rank, dims[TD_TENSOR_RANK];
    maker m;
    memcpy(dims, c->view.dims, sizeof dims);
    if (!x || !y || !broadcast(&rank, dims, &x->view) || !broadcast(&rank, dims, &y->view))
        return wrong_broadcast(error);
    TD_TRY(begin(b, &m, is_float(x), rank, dims, error));
    const td_view cv = spread(&c->view, rank, dims), xv = spread(&x->view, rank, dims),
                  yv = spread(&y->view, rank, dims);
    for (size_t i = 0; i < m.tensor->count; i++)
        put(&m, number(c, &cv, i) != 0 ? number(x, &xv, i) : number(y, &yv, i));
    give(step, &m);
    return TD_OK;
}

static td_status fold_cast(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const int64_t to = td_onnx_integer(step, "to", 1);
    const bool floats = to == 1 || to == 10 || to == 11 || to == 16;
    const td_onnx_value *x = step->in[0];
    maker m;
    if (floats && is_float(x)) {
        td_onnx_give_constant(step->out[0], x->tensor, x->view);
        return TD_OK;
    }
    TD_TRY(begin(b, &m, floats, x->view.rank, x->view.dims, error));
    for (size_t i = 0; i < m.tensor->count; i++) {
        const double value = td_onnx_at(x, i);
        put(&m, to == 9 ? value != 0 : floats ? value : trunc(value));
    }
    give(step, &m);
    return TD_OK;
}

static td_status fold_clip(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = step->in[0];
    double least, most;
    maker m;
    TD_TRY(td_onnx_first(step, 1, "min", -INFINITY, &least, error));
    TD_TRY(td_onnx_first(step, 2, "max", INFINITY, &most, error));
    TD_TRY(begin(b, &m, is_float(x), x->view.rank, x->view.dims, error));
    for (size_t i = 0; i < m.tensor->count; i++)
        put(&m, fmin(fmax(td_onnx_at(x, i), least), most));
    give(step, &m);
    return TD_OK;
}

/* --- new constants --- */

static td_status fold_shape(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0);
    maker m;
    if (!x)
        return td_fail(error, TD_ERR_FORMAT, "expected an input, found none");
    const int64_t rank = (int64_t)x->view.rank;
    int64_t first = td_onnx_integer(step, "start", 0), end = td_onnx_integer(step, "end", rank);
    first += first < 0 ? rank : 0;
    end += end < 0 ? rank : 0;
    first = first < 0 ? 0 : first > rank ? rank : first;
    end = end < first ? first : end > rank ? rank : end;
    TD_TRY(begin(b, &m, false, 1, (size_t[]){(size_t)(end - first)}, error));
    for (int64_t d = first; d < end; d++)
        put(&m, (double)x->view.dims[d]);
    give(step, &m);
    return TD_OK;
}

static td_status fold_constant(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_attribute *value = td_onnx_attribute_find(step, "value");
    maker m;
    if (value && value->kind == TD_ONNX_TENSOR) {
        td_onnx_give_constant(step->out[0], value->tensor,
                              td_view_rows(value->tensor->rank, value->tensor->dims));
        return TD_OK;
    }
    static const char *const names[] = {"value_float", "value_int", "value_floats", "value_ints"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const td_onnx_attribute *found = td_onnx_attribute_find(step, names[i]);
        if (!found || (found->kind != TD_ONNX_NUMBER && found->kind != TD_ONNX_NUMBERS))
            continue;
        const bool list = found->kind == TD_ONNX_NUMBERS;
        TD_TRY(begin(b, &m, !found->whole, list, (size_t[]){found->count}, error));
        for (size_t k = 0; k < m.tensor->count; k++)
            put(&m, list ? found->reals[k] : found->real);
        give(step, &m);
        return TD_OK;
    }
    return td_fail(error, TD_ERR_FORMAT, "expected a value of numbers, found none");
}

/* Sizes that a constant gives. */
static td_status read_dims(td_onnx_build *b, td_onnx_step *step, size_t input, size_t *rank,
                           size_t *dims, td_error *error) {
    int64_t sizes[TD_TENSOR_RANK];
    TD_TRY(td_onnx_numbers(b, step, input, NULL, sizes, TD_TENSOR_RANK, rank, error));
    for (size_t d = 0; d < *rank; d++) {
        if (sizes[d] < 0 || sizes[d] > INT32_MAX)
            return td_fail(error, TD_ERR_FORMAT, "expected sizes of at least 0, found %lld",
                           (long long)sizes[d]);
        dims[d] = (size_t)sizes[d];
    }
    return TD_OK;
}

/* One number seen as many: for weights of models published without them. */
static td_status fold_constant_of_shape(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_attribute *value = td_onnx_attribute_find(step, "value");
    const td_tensor *number = value && value->kind == TD_ONNX_TENSOR ? value->tensor : NULL;
    td_view view = {0};
    size_t count;
    maker m;
    TD_TRY(read_dims(b, step, 0, &view.rank, view.dims, error));
    if (!td_size_product(view.dims, view.rank, &count) || count > MOST_FOLDED)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d numbers, found more",
                       MOST_FOLDED);
    if (!number || number->count != 1) {
        TD_TRY(begin(b, &m, true, 0, NULL, error));
        put(&m, 0);
        number = m.tensor;
    }
    td_onnx_give_constant(step->out[0], number, view);
    return TD_OK;
}

static td_status fold_range(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    double part[3];
    maker m;
    for (size_t i = 0; i < 3; i++)
        TD_TRY(td_onnx_first(step, i, NULL, 0, &part[i], error));
    const double count = part[2] == 0 ? -1 : ceil((part[1] - part[0]) / part[2]);
    if (!(count < MOST_FOLDED))
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d numbers, found %g", MOST_FOLDED,
                       count);
    TD_TRY(
        begin(b, &m, is_float(step->in[0]), 1, (size_t[]){count > 0 ? (size_t)count : 0}, error));
    for (size_t i = 0; i < m.tensor->count; i++)
        put(&m, part[0] + (double)i * part[2]);
    give(step, &m);
    return TD_OK;
}

static td_status fold_expand(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = step->in[0];
    size_t rank, dims[TD_TENSOR_RANK], count;
    TD_TRY(read_dims(b, step, 1, &rank, dims, error));
    if (!broadcast(&rank, dims, &x->view) || !td_size_product(dims, rank, &count) ||
        count > MOST_FOLDED)
        return wrong_broadcast(error);
    td_onnx_give_constant(step->out[0], x->tensor, spread(&x->view, rank, dims));
    return TD_OK;
}

static td_status fold_concat(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const size_t inputs = step->node->input_count;
    const td_view *first = &step->in[0]->view;
    size_t axis, dims[TD_TENSOR_RANK], outer = 1;
    bool floats = is_float(step->in[0]);
    maker m;
    TD_TRY(td_onnx_axis(td_onnx_integer(step, "axis", 0), first->rank, &axis, error));
    memcpy(dims, first->dims, sizeof dims);
    for (size_t k = 1; k < inputs; k++) {
        const td_view *v = step->in[k] ? &step->in[k]->view : NULL;
        bool same = v && v->rank == first->rank;
        for (size_t d = 0; same && d < v->rank; d++)
            same = d == axis || v->dims[d] == first->dims[d];
        if (!same || !td_size_add(dims[axis], v->dims[axis], &dims[axis]))
            return td_fail(error, TD_ERR_FORMAT, "expected constants of equal sizes, found others");
        floats |= is_float(step->in[k]);
    }
    TD_TRY(begin(b, &m, floats, first->rank, dims, error));
    for (size_t d = 0; d < axis; d++)
        outer *= dims[d];
    for (size_t o = 0; m.tensor->count > 0 && o < outer; o++)
        for (size_t k = 0; k < inputs; k++) {
            const size_t inner = td_view_count(&step->in[k]->view) / outer;
            for (size_t i = 0; i < inner; i++)
                put(&m, td_onnx_at(step->in[k], o * inner + i));
        }
    give(step, &m);
    return TD_OK;
}

/* With any indices: the parts along an axis that they name. */
static td_status fold_gather(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = step->in[0], *index = td_onnx_in(step, 1);
    size_t axis, dims[TD_TENSOR_RANK * 2], rank = 0, inner = 1, outer = 1;
    maker m;
    if (!index)
        return td_fail(error, TD_ERR_FORMAT, "expected indices, found none");
    TD_TRY(td_onnx_axis(td_onnx_integer(step, "axis", 0), x->view.rank, &axis, error));
    for (size_t d = 0; d < axis; d++)
        outer *= dims[rank++] = x->view.dims[d];
    for (size_t d = 0; d < index->view.rank; d++)
        dims[rank++] = index->view.dims[d];
    for (size_t d = axis + 1; d < x->view.rank; d++)
        inner *= dims[rank++] = x->view.dims[d];
    if (rank > TD_TENSOR_RANK)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d dimensions", TD_TENSOR_RANK);
    TD_TRY(begin(b, &m, is_float(x), rank, dims, error));
    const size_t along = x->view.dims[axis], picks = td_view_count(&index->view);
    for (size_t o = 0; m.tensor->count > 0 && o < outer; o++)
        for (size_t p = 0; p < picks; p++) {
            int64_t at = td_tensor_integer(index->tensor, td_view_place(&index->view, p));
            at += at < 0 ? (int64_t)along : 0;
            if (at < 0 || at >= (int64_t)along)
                return td_fail(error, TD_ERR_FORMAT, "expected indices below %zu, found %lld",
                               along, (long long)at);
            for (size_t i = 0; i < inner; i++)
                put(&m, td_onnx_at(x, (o * along + (size_t)at) * inner + i));
        }
    give(step, &m);
    return TD_OK;
}

static td_status fold_reduce(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const char *op = step->node->op;
    const td_onnx_value *x = step->in[0];
    int64_t axes[TD_TENSOR_RANK];
    size_t count, axis, kept = 0, dims[TD_TENSOR_RANK], in_group = 1;
    bool reduced[TD_TENSOR_RANK] = {false};
    const bool keepdims = td_onnx_integer(step, "keepdims", 1);
    td_view outer = {.offset = x->view.offset}, inner = {0};
    maker m;
    TD_TRY(td_onnx_numbers(b, step, 1, "axes", axes, TD_TENSOR_RANK, &count, error));
    for (size_t i = 0; i < count; i++) {
        TD_TRY(td_onnx_axis(axes[i], x->view.rank, &axis, error));
        reduced[axis] = true;
    }
    for (size_t d = 0; d < x->view.rank; d++) {
        const bool gone = count == 0 || reduced[d];
        td_view *to = gone ? &inner : &outer;
        to->dims[to->rank] = x->view.dims[d];
        to->strides[to->rank++] = x->view.strides[d];
        if (!gone || keepdims)
            dims[kept++] = gone ? 1 : x->view.dims[d];
        in_group *= gone ? x->view.dims[d] : 1;
    }
    TD_TRY(spend(b, td_view_count(&x->view), error));
    TD_TRY(begin(b, &m, is_float(x), kept, dims, error));
    for (size_t i = 0; i < m.tensor->count; i++) {
        double result = strcmp(op, "ReduceProd") == 0  ? 1
                        : strcmp(op, "ReduceMax") == 0 ? -INFINITY
                        : strcmp(op, "ReduceMin") == 0 ? INFINITY
                                                       : 0;
        const size_t from = td_view_place(&outer, i);
        for (size_t k = 0; k < in_group; k++) {
            const double v = td_tensor_number(x->tensor, from + td_view_place(&inner, k));
            if (strcmp(op, "ReduceProd") == 0)
                result *= v;
            else if (strcmp(op, "ReduceMax") == 0)
                result = fmax(result, v);
            else if (strcmp(op, "ReduceMin") == 0)
                result = fmin(result, v);
            else
                result += strcmp(op, "ReduceL2") == 0 ? v * v : v;
        }
        if (strcmp(op, "ReduceMean") == 0)
            result /= (double)in_group;
        put(&m, strcmp(op, "ReduceL2") == 0 ? sqrt(result) : result);
    }
    give(step, &m);
    return TD_OK;
}

/* For weights that a net standardises: y = scale·(x − mean)/√(variance + epsilon) + bias, by the
 * second dimension. */
static td_status fold_batch_norm(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = step->in[0];
    const double epsilon = td_onnx_real(step, "epsilon", 1e-5);
    const size_t channels = x->view.rank > 1 ? x->view.dims[1] : 0;
    maker m;
    for (size_t k = 1; k < 5; k++)
        if (!td_onnx_in(step, k) || td_view_count(&step->in[k]->view) != channels || channels == 0)
            return td_fail(error, TD_ERR_FORMAT,
                           "expected %zu numbers for each channel, found "
                           "others",
                           channels);
    size_t inner = 1;
    for (size_t d = 2; d < x->view.rank; d++)
        inner *= x->view.dims[d];
    TD_TRY(begin(b, &m, true, x->view.rank, x->view.dims, error));
    for (size_t i = 0; i < m.tensor->count; i++) {
        const size_t c = i / inner % channels;
        const double scale =
            td_onnx_at(step->in[1], c) / sqrt(td_onnx_at(step->in[4], c) + epsilon);
        put(&m,
            scale * (td_onnx_at(x, i) - td_onnx_at(step->in[3], c)) + td_onnx_at(step->in[2], c));
    }
    give(step, &m);
    return TD_OK;
}

static const struct {
    const char *op;
    td_status (*fold)(td_onnx_build *b, td_onnx_step *step, td_error *error);
    bool none; /* may be without inputs */
} others[] = {
    {"Constant", fold_constant, true},
    {"Shape", fold_shape},
    {"Where", fold_where},
    {"Cast", fold_cast},
    {"Clip", fold_clip},
    {"ConstantOfShape", fold_constant_of_shape},
    {"Range", fold_range},
    {"Expand", fold_expand},
    {"Concat", fold_concat},
    {"Gather", fold_gather},
    {"ReduceProd", fold_reduce},
    {"ReduceSum", fold_reduce},
    {"ReduceMean", fold_reduce},
    {"ReduceMax", fold_reduce},
    {"ReduceMin", fold_reduce},
    {"ReduceL2", fold_reduce},
    {"BatchNormalization", fold_batch_norm},
};

td_status td_onnx_fold(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const char *op = step->node->op;
    const bool given = td_onnx_in(step, 0);
    if (step->node->output_count == 0 || !step->out[0])
        return td_fail(error, TD_ERR_FORMAT, "expected an output, found none");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i].op, op) == 0 && (given || others[i].none))
            return others[i].fold(b, step, error);
    for (size_t i = 0; given && i < sizeof unary / sizeof *unary; i++)
        if (strcmp(unary[i].op, op) == 0)
            return fold_unary(b, step, unary[i].of, error);
    for (size_t i = 0; given && i < sizeof binary / sizeof *binary; i++)
        if (strcmp(binary[i].op, op) == 0)
            return fold_binary(b, step, i, error);
    return td_fail(error, TD_ERR_FORMAT,
                   "it has constants alone, and this operator is not computed: simplify the model, "
                   "for example with onnxsim");
}
