/* Activation clustering: Chen et al., "Detecting backdoor attacks on deep neural networks by
 * activation clustering", SafeAI 2019. Of each class by itself: the values of the last hidden layer
 * are reduced to 10 dimensions and divided into two clusters by 2-means. Clean images of a class
 * fall into two parts of about one size that lie close together; where one part is small and well
 * apart, it is taken to be the poisoned images: its share of the class is below one threshold, the
 * silhouette score above another. Both are by default those of the authors' own toolkit.
 *
 * The paper reduces by independent component analysis. Here it is principal component analysis, as
 * in most implementations: it has one solution, whatever it starts from, and keeps the distances
 * that 2-means works on. */
#include "base/size.h"
#include "defend/method.h"
#include "defend/filter/clusters.h"
#include "defend/filter/filter.h"

typedef struct ac_options {
    filter_options filter;
    size_t dimensions;
    double size, silhouette;
} ac_options;

static size_t directions(const filter_job *job) {
    return ((const ac_options *)job->settings)->dimensions;
}

static size_t least_images(const filter_job *job) {
    return job->directions + 1;
}

static td_status judge(filter_job *job, filter_class *group, double *scores, td_error *error) {
    const ac_options *o = job->settings;
    const uint64_t seed = o->filter.common.seed;
    td_arena arena = {0};
    uint8_t *member;
    size_t smaller;
    (void)scores;
    TD_TRY(TD_ARENA_NEW(&arena, group->count, &member, "clusters", error));
    td_status status = clusters_split(group->positions, group->count, job->directions, seed,
                                      (uint32_t)group->number, member, &smaller, error);
    if (status == TD_OK)
        status = clusters_silhouette(group->positions, member, group->count, job->directions,
                                     &group->figures[1], error);
    group->figures[0] = (double)smaller / (double)group->count;
    group->flagged =
        smaller > 0 && group->figures[0] < o->size && group->figures[1] > o->silhouette;
    for (size_t i = 0; i < group->count && group->flagged; i++)
        job->suspect[job->order[group->begin + i]] = member[i];
    group->suspects = group->flagged ? smaller : 0;
    td_arena_free(&arena);
    return status;
}

static const filter activation_clustering = {
    .directions = directions,
    .least_images = least_images,
    .judge = judge,
    .figures = {"relative_size", "silhouette"},
};

enum {
    KEY_DIMENSIONS = FILTER_OPTION_BASE,
    KEY_SIZE,
    KEY_SILHOUETTE,
    KEY_EXIT_CODE,
    MOST_DIMENSIONS = 256
};

static const struct argp_option rows[] = {
    {"dimensions", KEY_DIMENSIONS, "N", 0, "Reduce to N principal components, 1 to 256 (10)", 0},
    {"size", KEY_SIZE, "S", 0,
     "Flag a class only if its smaller cluster has less than this share of it, above 0 and at most "
     "1 (0.35)",
     0},
    {"silhouette", KEY_SILHOUETTE, "S", 0,
     "Flag a class only if the silhouette score of its clusters is above S, -1 to 1 (0.1)", 0},
    {"exit-code", KEY_EXIT_CODE, NULL, 0, "Exit with 3 if a class is flagged", 0},
    {0},
};

static const char doc[] =
    "Activation clustering (Chen et al., SafeAI 2019): divides the images of each class into two "
    "clusters by the values of the last hidden layer. Where the smaller cluster is small and well "
    "apart, the class is flagged and the images in it are suspects."
    "\v"
    "The dimension is reduced by principal components, where the paper takes independent ones: "
    "these have one solution, the same from run to run. Where poisoned images are nearly half of "
    "their class, no cluster is small, but their silhouette score stands out: --size 0.5 with a "
    "high --silhouette finds them. A clean class of two kinds of images may be flagged.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend activation-clustering --model model.safetensors \\\n"
    "    --data mine -o cleaned.safetensors --exit-code\n"
    "  trapdoor-defend activation-clustering --model model.safetensors \\\n"
    "    --data sets/poisoned.safetensors --manifest sets/manifest.json";

static error_t parse(int key, char *text, struct argp_state *state) {
    ac_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->filter;
        return 0;
    case KEY_DIMENSIONS:
        o->dimensions = tool_count("--dimensions", text, 1, MOST_DIMENSIONS, state);
        return 0;
    case KEY_SIZE:
        o->size = tool_real_above("--size", text, 0, 1, state);
        return 0;
    case KEY_SILHOUETTE:
        o->silhouette = tool_real("--silhouette", text, -1, 1, state);
        return 0;
    case KEY_EXIT_CODE:
        o->filter.exit_code = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static ac_options read_options(int argc, char **argv) {
    ac_options o = {.filter = {.method = "activation-clustering"},
                    .dimensions = 10,
                    .size = 0.35,
                    .silhouette = 0.1};
    const struct argp argp = {rows, parse, filter_usage, doc, filter_children, NULL, NULL};
    filter_parse(&argp, argc, argv, &o, &o.filter);
    return o;
}

static json_t *settings_json(const ac_options *o) {
    return json_pack("{ss sI sf sf}", "reduction", "pca", "dimensions", (json_int_t)o->dimensions,
                     "size", o->size, "silhouette", o->silhouette);
}

static int activation_clustering_main(int argc, char **argv) {
    const ac_options o = read_options(argc, argv);
    return filter_main(&activation_clustering, &o.filter, &o, settings_json(&o));
}

static json_t *activation_clustering_asked(int argc, char **argv) {
    const ac_options o = read_options(argc, argv);
    return filter_asked(&o.filter, settings_json(&o));
}

const tool_method defend_activation_clustering = {
    .name = "activation-clustering",
    .doc = "a small cluster well apart among a class's images",
    .legacy = &(const tool_legacy){.main = activation_clustering_main, .family = "sieve", .asked = activation_clustering_asked},
};
