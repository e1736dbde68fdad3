/* SPDX-License-Identifier: MIT */
#include "frame/run.h"

void tool_run_warn(const tool_run *run, const char *data, const td_remarks *remarks) {
    const size_t lost = remarks->pictures[TD_FACT_LOST];
    if (lost > 0)
        tool_run_note(
            run,
            "warning: %s: %zu pictures are of one colour on the ground that they were laid "
            "on, since their form is in their alpha alone; `trapdoor-data import --ground` "
            "takes another",
            data, lost);
    if (remarks->ones)
        tool_run_note(run,
                      "warning: %s: no value is above 1 of 255, so that every image is black: "
                      "perhaps they are of 0 to 1, to be multiplied by 255",
                      data);
    if (remarks->transposed)
        tool_run_note(run,
                      "warning: %s: EMNIST's images are stored transposed; `trapdoor-data import "
                      "--transpose` sets them upright",
                      data);
}

void tool_run_remarks(const tool_run *run, const char *data, const td_remarks *remarks) {
    const size_t *pictures = remarks->pictures;
    if (pictures[TD_FACT_TURNED] > 0)
        tool_run_note(run, "note: %s: %zu pictures were turned upright, as their EXIF says", data,
                      pictures[TD_FACT_TURNED]);
    if (pictures[TD_FACT_TRANSPARENT] > 0)
        tool_run_note(run, "note: %s: %zu pictures with transparent pixels were laid on white",
                      data, pictures[TD_FACT_TRANSPARENT]);
    if (pictures[TD_FACT_CMYK] > 0)
        tool_run_note(run, "note: %s: %zu pictures were converted from CMYK without a profile",
                      data, pictures[TD_FACT_CMYK]);
    tool_run_warn(run, data, remarks);
}
