/* SPDX-License-Identifier: MIT */
#include "frame/net_source.h"

#include "base/file.h"
#include "data/path.h"
#include <stdio.h>
#include <string.h>

enum { LARGEST_TEXT = 1 << 20 };

static td_status unknown_net(const td_error *why, td_error *error) {
    char known[512] = "";
    for (size_t i = 0; td_zoo_names[i]; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", td_zoo_names[i]);
    }
    return td_fail(error, TD_ERR_USAGE, "--net: expected one of %s or a file with a net text; %s",
                   known, why->message);
}

static td_status read_text(const char *path, td_arena *arena, char **text, td_error *error) {
    td_map map;
    td_error why;
    td_status status = td_map_open(&map, path, &why);
    if (status != TD_OK && !td_path_is_file(path)) /* neither a net of the zoo nor a file */
        return unknown_net(&why, error);
    if (status != TD_OK)
        return td_fail(error, status, "%s", why.message);
    if (map.size > LARGEST_TEXT || memchr(map.data, '\0', map.size))
        status = td_fail(error, TD_ERR_FORMAT, "expected a net text of at most %d bytes, found %s",
                         LARGEST_TEXT, map.size > LARGEST_TEXT ? "more" : "a zero byte");
    else
        status = td_arena_text(arena, (const char *)map.data, map.size, text, error);
    td_map_close(&map);
    return status;
}

td_status tool_net_open(td_net *net, const char *name, const td_images *images, td_error *error) {
    td_net_variables variables = {0};
    if (images)
        variables =
            (td_net_variables){images->height, images->width, images->channels, images->classes};
    const char *text = td_zoo_text(name);
    char *file_text = NULL;
    td_arena arena = {0};
    *net = (td_net){0};
    td_status status = text ? TD_OK : read_text(name, &arena, &file_text, error);
    if (status == TD_OK) {
        status = td_net_parse(net, text ? text : file_text, images ? &variables : NULL, error);
        if (status != TD_OK)
            td_fail_within(error, status, "%s", name);
    }
    td_arena_free(&arena);
    return status;
}

static td_status open_model(td_model *model, const char *path, const char *net,
                            const td_images *images, td_error *error) {
    td_net named;
    if (!net && !images)
        return td_model_load(model, path, NULL, error);
    if (!net) {
        const td_net_variables sizes = {images->height, images->width, images->channels, 0};
        return td_model_load(model, path, &sizes, error);
    }
    TD_TRY(tool_net_open(&named, net, images, error));
    return td_model_load_for(model, &named, path, error);
}

td_status tool_run_open_model(tool_run *run, const char *path, const char *net,
                              const td_images *images, td_model *model, td_error *error) {
    *model = (td_model){0};
    TD_TRY(tool_record_input(&run->record, path, error));
    TD_TRY(open_model(model, path, net, images, error));
    TD_TRY(tool_record_was_read(&run->record, path, error));
    tool_record_kind(&run->record, path, model->kind);
    if (model->beside)
        TD_TRY(tool_record_input(&run->record, model->beside, error));
    for (size_t i = 0; i < model->note_count; i++)
        tool_run_note(run, "note: %s: %s", path, model->notes[i]);
    if (model->bare && !tool_settings_given(run->settings, "normalise"))
        tool_run_note(
            run,
            "note: %s: its net has no normalise: if its images were normalised in training, "
            "trapdoor-model import --normalise puts it in",
            path);
    return TD_OK;
}

td_status tool_model_check_classes(const td_model *model, const char *path, td_error *error) {
    const size_t classes = td_net_classes(&model->net);
    return classes >= 2
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE,
                         "%s: expected a model of at least two classes, found %zu", path, classes);
}
