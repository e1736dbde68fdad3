/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* asprintf */
#include "report/chart.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGEST 1e15
#define AXIS_COLOUR "#7d848c"
#define GRID_COLOUR "#c07d848c" /* translucent */

enum { MARKS = 40 }; /* approximate number of marks per series; more would hide its line */

const char gnuplot_mark_colour[] = AXIS_COLOUR;

/* Each has a contrast of at least 3 with white and with the page's dark background. */
static const struct {
    const char *colour, *dashes, *type;
    int mark;
} styles[TOOL_CHART_SERIES] = {
    {"#2a80c4", "", "1", 7},           {"#c95b1c", "8 3", "(8,3)", 5},
    {"#149a72", "2 3", "(2,3)", 9},    {"#b667a0", "8 3 2 3", "(8,3,2,3)", 11},
    {"#a37a10", "12 4", "(12,4)", 13}, {"#6f7fd8", "4 2 2 2", "(4,2,2,2)", 3},
    {"#c0507a", "1 2", "(1,2)", 2},    {"#7d848c", "14 3 2 3", "(14,3,2,3)", 1},
};

const char *gnuplot_colour(size_t series) {
    return styles[series].colour;
}

const char *gnuplot_dashes(size_t series) {
    return styles[series].dashes;
}

void gnuplot_text(char out[GNUPLOT_TEXT], const char *text) {
    size_t length = 0;
    for (; text && *text && length < GNUPLOT_TEXT - 1; text++)
        if (isalnum((unsigned char)*text) || strchr(" .,()%-", *text))
            out[length++] = *text;
    out[length] = '\0';
}

static bool is_small(double value) {
    return isfinite(value) && fabs(value) < LARGEST;
}

bool gnuplot_draws(const plot_point *point) {
    return is_small(point->x) && is_small(point->y);
}

static bool has_interval(const plot_point *point) {
    return is_small(point->low) && is_small(point->high);
}

/* Whether any point of the series has an interval. */
static bool has_intervals(const plot_series *series) {
    for (size_t i = 0; i < series->count; i++)
        if (gnuplot_draws(&series->points[i]) && has_interval(&series->points[i]))
            return true;
    return false;
}

/* --- the script --- */

static void write_data(FILE *out, const plot *p) {
    for (size_t s = 0; s < p->count; s++) {
        fprintf(out, "$d%zu << END\n", s);
        for (size_t i = 0; i < p->series[s].count; i++) {
            const plot_point *point = &p->series[s].points[i];
            const bool interval = has_interval(point);
            if (gnuplot_draws(point))
                fprintf(out, "%.9g %.9g %.9g %.9g\n", point->x, point->y,
                        interval ? point->low : point->y, interval ? point->high : point->y);
        }
        fputs("END\n", out);
    }
}

/* The integer step along x that gives at most about ten labels. */
static double whole_step(double range) {
    static const double steps[] = {1, 2, 5};
    for (double power = 1; power < LARGEST; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if (range / (steps[i] * power) <= 10)
                return steps[i] * power;
    return LARGEST;
}

static void write_names(FILE *out, const plot *p) {
    char text[GNUPLOT_TEXT];
    fputs("set xtics rotate by 35 right (", out);
    for (size_t i = 0; i < p->series[0].count; i++) {
        gnuplot_text(text, p->names[i]);
        fprintf(out, "%s\"%.24s\" %zu", i > 0 ? ", " : "", text, i);
    }
    fputs(")\n", out);
}

static void write_x_range(FILE *out, const plot *p) {
    double low = INFINITY, high = -INFINITY;
    for (size_t s = 0; s < p->count; s++)
        for (size_t i = 0; i < p->series[s].count; i++)
            if (gnuplot_draws(&p->series[s].points[i])) {
                low = fmin(low, p->series[s].points[i].x);
                high = fmax(high, p->series[s].points[i].x);
            }
    if (p->names)
        write_names(out, p);
    else if (p->whole)
        fprintf(out, "set xtics %.9g\n", whole_step(high - low));
    if (is_small(p->x_mark)) {
        low = fmin(low, p->x_mark);
        high = fmax(high, p->x_mark);
    }
    const double beyond = p->kind == TOOL_CHART_BARS        ? 0.75
                          : p->kind == TOOL_CHART_HISTOGRAM ? p->bar / 2
                          : high > low                      ? 0.03 * (high - low)
                                                            : 0.5;
    fprintf(out, "set xrange [%.9g:%.9g]\n", low - beyond, high + beyond);
}

static void write_mark(FILE *out, const char *x0, const char *y0, const char *x1, const char *y1,
                       double x, double y) {
    fprintf(out, "set arrow from %s %.9g, %s %.9g to %s %.9g, %s %.9g nohead lw 1.5 dt (6,4)", x0,
            x, y0, y, x1, *x1 == 'g' ? 1 : x, y1, *y1 == 'g' ? 1 : y);
    fputs(" lc rgb \"" AXIS_COLOUR "\"\n", out);
}

static void write_axes(FILE *out, const plot *p) {
    fprintf(out,
            "set border 3 lc rgb \"" AXIS_COLOUR "\"\nset tics nomirror scale 0.4 textcolor rgb "
            "\"" AXIS_COLOUR "\"\nset format x \"%%g\"\n"
            "set grid y lt 1 lc rgb \"" GRID_COLOUR "\" lw 1\nunset key\n"
            "set xlabel \"%s\" textcolor rgb \"" AXIS_COLOUR "\"\n"
            "set ylabel \"%s\" textcolor rgb \"" AXIS_COLOUR "\"\n",
            p->x_title, p->y_title);
    if (p->percent)
        fprintf(out, "set yrange [%.9g:100]\nset ytics %.9g\n", p->least, (100 - p->least) / 5);
    else
        fputs("set yrange [0:*]\n", out);
    write_x_range(out, p);
    if (is_small(p->x_mark))
        write_mark(out, "first", "graph", "first", "graph", p->x_mark, 0);
    if (is_small(p->y_mark))
        write_mark(out, "graph", "first", "graph", "first", 0, p->y_mark);
}

static void write_series(FILE *out, const plot *p, size_t s) {
    const char *colour = styles[s].colour;
    switch (p->kind) {
    case TOOL_CHART_LINES:
        if (has_intervals(&p->series[s]))
            fprintf(out, "$d%zu using 1:2:3:4 with yerrorbars lc rgb \"%s\" lw 1 pt 0 ps 0, ", s,
                    colour);
        fprintf(out,
                "$d%zu using 1:2 with linespoints lc rgb \"%s\" lw 2 dt %s pt %d ps 0.6 pi %zu", s,
                colour, styles[s].type, styles[s].mark, 1 + p->series[s].count / MARKS);
        break;
    case TOOL_CHART_HISTOGRAM:
        fprintf(out,
                "$d%zu using 1:2 with boxes fs transparent solid 0.35 noborder lc rgb \"%s\", "
                "$d%zu using 1:2 with histeps lc rgb \"%s\" lw 1.5 dt %s",
                s, colour, s, colour, styles[s].type);
        break;
    default:
        fprintf(out, "$d%zu using 1:2 with boxes fs solid 0.9 noborder lc rgb \"%s\"", s, colour);
        if (has_intervals(&p->series[s]))
            fprintf(out,
                    ", $d%zu using 1:2:3:4 with yerrorbars lc rgb \"" AXIS_COLOUR "\" lw 1 pt 0 "
                    "ps 0",
                    s);
        break;
    }
}

void gnuplot_script(FILE *out, const plot *p) {
    fputs("reset\nset encoding utf8\nset terminal svg noenhanced size 440,280 font "
          "\"sans-serif,12\"\n",
          out);
    write_axes(out, p);
    if (p->kind != TOOL_CHART_LINES)
        fprintf(out, "set boxwidth %.9g\n", p->bar);
    write_data(out, p);
    for (size_t s = 0; s < p->count; s++) {
        fputs(s == 0 ? "plot " : ", \\\n", out);
        write_series(out, p, s);
    }
    fputs("\n", out);
}

/* --- the run --- */

static int set_files(posix_spawn_file_actions_t *actions, int script, int drawings) {
    int failed = posix_spawn_file_actions_adddup2(actions, script, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, drawings, STDOUT_FILENO);
    return failed
               ? failed
               : posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
}

/* Its environment is only PATH and the C locale. */
static int spawn(int script, int drawings, pid_t *id) {
    char program[] = "gnuplot", plain[] = "-d", input[] = "-", locale[] = "LC_ALL=C";
    char *const argv[] = {program, plain, input, NULL};
    char *path = NULL;
    posix_spawn_file_actions_t actions;
    if (asprintf(&path, "PATH=%s", getenv("PATH") ? getenv("PATH") : "") < 0)
        return ENOMEM;
    char *const environment[] = {path, locale, NULL};
    int failed = posix_spawn_file_actions_init(&actions);
    if (!failed) {
        failed = set_files(&actions, script, drawings);
        if (!failed)
            failed = posix_spawnp(id, argv[0], &actions, NULL, argv, environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    free(path);
    return failed;
}

/* Signals that a terminal or a scheduler sends to all processes of a run. */
static bool is_request(int number) {
    return number == SIGINT || number == SIGTERM || number == SIGHUP;
}

td_status gnuplot_run(FILE *script, FILE *drawings, td_error *error) {
    pid_t id;
    int state;
    if (fflush(script) != 0 || lseek(fileno(script), 0, SEEK_SET) != 0)
        return td_fail(error, TD_ERR_IO, "gnuplot: %s", strerror(errno));
    const int failed = spawn(fileno(script), fileno(drawings), &id);
    if (failed)
        return td_fail(error, failed == ENOENT ? TD_ERR_USAGE : TD_ERR_IO, "gnuplot: %s",
                       strerror(failed));
    while (waitpid(id, &state, 0) < 0)
        if (errno != EINTR)
            return td_fail(error, TD_ERR_IO, "gnuplot: %s", strerror(errno));
    if (WIFSIGNALED(state) && is_request(WTERMSIG(state)))
        return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    if (!WIFEXITED(state))
        return td_fail(error, TD_ERR_FORMAT, "gnuplot: ended by signal %d", WTERMSIG(state));
    return WEXITSTATUS(state) == 0
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "gnuplot: expected exit status 0, found %d",
                         WEXITSTATUS(state));
}
