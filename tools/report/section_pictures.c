/* The pictures that a record's tool drew: samples, contact sheets, heat maps. */
#include "report/picture.h"
#include "report/section.h"

static bool shows(report *r, const report_record *record) {
    for (size_t i = 0; i < r->picture_count; i++)
        if (r->pictures[i].record == record && !r->pictures[i].shown)
            return true;
    return false;
}

static void write(report *r, const report_record *record) {
    picture_gallery(r, record);
}

const report_section section_pictures = {"Pictures", shows, write, NULL};
