/* SPDX-License-Identifier: MIT */
#include "model/view.h"

#include <string.h>

td_view td_view_rows(size_t rank, const size_t *dims) {
    td_view view = {.rank = rank};
    size_t stride = 1;
    for (size_t d = rank; d-- > 0;) {
        view.dims[d] = dims[d];
        view.strides[d] = stride;
        stride *= dims[d];
    }
    return view;
}

size_t td_view_count(const td_view *view) {
    size_t count = 1;
    for (size_t d = 0; d < view->rank; d++)
        count *= view->dims[d];
    return count;
}

size_t td_view_place(const td_view *view, size_t i) {
    size_t place = view->offset;
    for (size_t d = view->rank; d-- > 0;) {
        if (view->dims[d] > 1)
            place += i % view->dims[d] * view->strides[d];
        i /= view->dims[d];
    }
    return place;
}

bool td_view_is_rows(const td_view *view) {
    size_t stride = 1;
    for (size_t d = view->rank; d-- > 0;) {
        if (view->dims[d] != 1 && view->strides[d] != stride)
            return false;
        stride *= view->dims[d];
    }
    return true;
}

static td_view without_ones(const td_view *view, bool batch) {
    td_view out = {.offset = view->offset};
    for (size_t d = 0; d < view->rank; d++)
        if (view->dims[d] != 1 && (batch || view->strides[d] != TD_VIEW_BATCH)) {
            out.dims[out.rank] = view->dims[d];
            out.strides[out.rank++] = view->strides[d];
        }
    return out;
}

td_view td_view_used(const td_view *view) {
    return without_ones(view, false);
}

/* Assigns strides to the last unassigned dimensions of *out for `count` elements at one stride;
 * false if the sizes do not multiply to `count`. */
static bool split(td_view *out, size_t *left, size_t count, size_t stride) {
    size_t made = 1;
    while (*left > 0 && (made < count || out->dims[*left - 1] == 1)) {
        const size_t d = --*left;
        if (stride == TD_VIEW_BATCH && out->dims[d] != 1 && out->dims[d] != count)
            return false;
        out->strides[d] = stride == TD_VIEW_BATCH ? stride : made * stride;
        made *= out->dims[d];
    }
    return made == count;
}

bool td_view_reshape(const td_view *view, size_t rank, const size_t *dims, td_view *out) {
    const td_view in = without_ones(view, true);
    size_t left = rank, count = 1;
    *out = (td_view){.rank = rank, .offset = view->offset};
    memcpy(out->dims, dims, rank * sizeof *dims);
    for (size_t d = in.rank; d-- > 0;) {
        /* A run of contiguous dimensions ends where the next stride is not the size of the run. */
        size_t first = d;
        count = in.dims[d];
        while (first > 0 && in.strides[d] != TD_VIEW_BATCH &&
               in.strides[first - 1] == count * in.strides[d])
            count *= in.dims[--first];
        if (!split(out, &left, count, in.strides[d]))
            return false;
        d = first;
    }
    return split(out, &left, 1, 0) && left == 0;
}

td_view td_view_permute(const td_view *view, const size_t *perm) {
    td_view out = {.rank = view->rank, .offset = view->offset};
    for (size_t d = 0; d < view->rank; d++) {
        out.dims[d] = view->dims[perm[d]];
        out.strides[d] = view->strides[perm[d]];
    }
    return out;
}

td_view td_view_squeeze(const td_view *view, size_t axis) {
    td_view out = *view;
    out.rank--;
    for (size_t d = axis; d < out.rank; d++) {
        out.dims[d] = view->dims[d + 1];
        out.strides[d] = view->strides[d + 1];
    }
    return out;
}

td_view td_view_unsqueeze(const td_view *view, size_t axis) {
    td_view out = *view;
    out.rank++;
    for (size_t d = out.rank - 1; d > axis; d--) {
        out.dims[d] = view->dims[d - 1];
        out.strides[d] = view->strides[d - 1];
    }
    out.dims[axis] = 1;
    out.strides[axis] = 0;
    return out;
}

bool td_view_is_same(const td_view *a, const td_view *b) {
    bool same = a->rank == b->rank && a->offset == b->offset;
    for (size_t d = 0; same && d < a->rank; d++)
        same = a->dims[d] == b->dims[d] && (a->dims[d] == 1 || a->strides[d] == b->strides[d]);
    return same;
}
