# SPDX-License-Identifier: MIT
# Splits the output of --help: into `text`, for help2man, with the text after the options moved
# before them; and into `more`, as roff: the synopsis, the examples and SEE ALSO.

function roff(line) {
    gsub(/\\/, "\\e", line)
    gsub(/-/, "\\-", line)
    return line
}

# "[--trigger" and "T...": brackets and dots unchanged, literal words in bold, placeholders in
# italics.
function set_word(word, core) {
    if (!match(word, /[-A-Za-z0-9][-A-Za-z0-9.]*[A-Za-z0-9]|[A-Z]/))
        return word
    core = substr(word, RSTART, RLENGTH)
    return substr(word, 1, RSTART - 1) (core ~ /^[-a-z]/ ? "\\fB" : "\\fI") roff(core) "\\fR" \
        substr(word, RSTART + RLENGTH)
}

function set_synopsis(line, words, count, i, out) {
    count = split(line, words, " ")
    out = "\\fB" roff(words[2]) "\\fR"
    if (method != "")
        out = out " \\fB" roff(method) "\\fR"
    for (i = 3; i <= count; i++)
        if (words[i] != method)
            out = out " " set_word(words[i])
    return "[synopsis]\n" out "\n"
}

function see_also(count, names, i, out) {
    count = split(see, names, ",")
    for (i = 1; i <= count; i++)
        out = out ".BR \\%" roff(names[i]) " (1)" (i < count ? ",\n" : "\n")
    return "[see also]\n" out
}

function verbatim(on) {
    if (on != is_verbatim)
        examples = examples (on ? ".PP\n.nf\n" : ".fi\n.PP\n")
    is_verbatim = on
}

NR == 1 { printf "%s", set_synopsis($0) > more; next }
part == "" && /^Options of all tools:$/ { part = "options"; next }
part == "" && /^ +-/ { part = "options" }
part == "tail" && /^Examples?:$/ { part = "examples"; next }
part == "examples" && $0 != "" {
    verbatim(/^ / ? 1 : 0)
    sub(/^  /, "")
    examples = examples roff($0) "\n"
}
part == "" || part == "tail" { about = about $0 "\n" }
part == "options" { options = options $0 "\n" }
part == "options" && /^ +--version / { part = "tail"; about = about "\n" }
END {
    verbatim(0)
    printf "%s\nOptions:\n\n%s", about, options > text
    printf "[examples]\n%s%s", examples, see_also() > more
}
