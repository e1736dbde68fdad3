/* SPDX-License-Identifier: MIT */
/* Activation clustering: Chen et al., "Detecting backdoor attacks on deep neural networks by
 * activation clustering", SafeAI 2019. For each class separately, the values of the last hidden
 * layer are reduced to 10 dimensions and divided into two clusters by 2-means. The clusters of a
 * clean class are of similar size and close together. A small and well separated cluster is taken
 * as the poisoned images: its share of the class is below one threshold, the silhouette score above
 * another. The defaults are those of the authors' toolkit.
 *
 * The paper reduces by independent component analysis. Here it is principal component analysis, as
 * in most implementations: its solution is unique, and it preserves the distances that 2-means
 * uses. */
#include "defend/filter/clusters.h"
#include "defend/filter/filter.h"
#include "defend/method.h"

typedef struct clustering_settings {
    size_t dimensions;
    double size, silhouette;
    bool exit_code;
} clustering_settings;

static size_t dimensions(const void *own) {
    return ((const clustering_settings *)own)->dimensions;
}

static size_t least_images(const void *own, size_t taken) {
    (void)own;
    return taken + 1;
}

static td_status judge(const void *own, const filter_group *group, filter_findings *out,
                       td_error *error) {
    const clustering_settings *s = own;
    td_arena arena = {0};
    uint8_t *member;
    size_t smaller;
    TD_TRY(TD_ARENA_NEW(&arena, group->count, &member, "clusters", error));
    td_status status =
        clusters_split(group->positions, group->count, group->dimensions, group->seed,
                       (uint32_t)group->number, member, &smaller, error);
    if (status == TD_OK)
        status = clusters_silhouette(group->positions, member, group->count, group->dimensions,
                                     &out->figures[1], error);
    out->figures[0] = (double)smaller / (double)group->count;
    out->flagged = smaller > 0 && out->figures[0] < s->size && out->figures[1] > s->silhouette;
    for (size_t i = 0; i < group->count && out->flagged; i++)
        out->suspects[i] = member[i];
    td_arena_free(&arena);
    return status;
}

static const filter activation_clustering = {
    .dimensions = dimensions,
    .least_images = least_images,
    .judge = judge,
    .figures = {{"relative_size", "relative size", TOOL_REAL},
                {"silhouette", "silhouette", TOOL_REAL}},
};

#define AT(field) offsetof(clustering_settings, field)

static const td_key keys[] = {
    {"dimensions", TD_KEY_COUNT, AT(dimensions), .least = 1, .most = 256, .standard = "10",
     .value = "N", .help = "Reduce to N principal components"},
    {"size", TD_KEY_REAL, AT(size), .above = true, .most = 1, .standard = "0.35", .value = "S",
     .help = "Flag a class only if its smaller cluster has less than this share of it"},
    {"silhouette", TD_KEY_REAL, AT(silhouette), .least = -1, .most = 1, .standard = "0.1",
     .value = "S", .help = "Flag a class only if the silhouette score of its clusters is above S"},
    {"exit-code", TD_KEY_FLAG, AT(exit_code), .unrecorded = true,
     .help = "Exit with 3 if a class is flagged"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "divides the images of each class into two clusters by the values of the last hidden layer. "
    "It flags a class whose smaller cluster is small and well apart, and suspects the images in "
    "it."
    "\v"
    "Principal components reduce the dimension, where the paper takes independent ones: they have "
    "one solution, the same in every run. Where poisoned images are nearly half of their class, "
    "no cluster is small, but its silhouette score stands out: --size 0.5 with a high "
    "--silhouette finds them. A clean class of two kinds of images may be flagged.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend activation-clustering --model model.safetensors \\\n"
    "    --data mine -o cleaned.safetensors --exit-code\n"
    "  trapdoor-defend activation-clustering --model model.safetensors \\\n"
    "    --data sets/poisoned.safetensors --manifest sets/manifest.json";

const tool_method defend_activation_clustering = {
    .name = "activation-clustering",
    .title = "Activation clustering",
    .source = "Chen et al., SafeAI 2019",
    .doc = "a small cluster well apart among a class's images",
    .help = help,
    .family = &filters,
    .groups = groups,
    .size = sizeof(clustering_settings),
    .math = &activation_clustering,
};
