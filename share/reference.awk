# SPDX-License-Identifier: MIT
# Makes a man page from the output of --help-net or --help-trigger. Variables: `name` of the page,
# its subject `about`, the heading over its `parts`, the page to `see`, `version` and `date`.

function roff(line) {
    gsub(/\\/, "\\e", line)
    gsub(/-/, "\\-", line)
    gsub(/'/, "\\(aq", line)
    return line
}

BEGIN {
    printf ".TH %s 5 \"%s\" \"Trapdoor %s\" \"Trapdoor Manual\"\n", toupper(name), date, version
    printf ".SH NAME\n%s \\- %s\n.SH DESCRIPTION\n", name, about
}
/^$/ { print ".PP"; next }
/^[a-z-]+[(:]/ { # an operator, or a family
    if (!count++)
        print ".SH " parts
    printf ".SS %s\n", roff($0)
    next
}
/^     / { # the key's text goes on
    sub(/^ +/, "")
    print roff($0)
    next
}
/^    / { # a key
    key = $1
    sub(/^ +[^ ]+ +/, "")
    printf ".TP\n.B %s\n%s\n", roff(key), roff($0)
    next
}
/^  / { # one of a part's lines, or the form of what is described
    sub(/^ +/, "")
    if (count)
        print roff($0) "\n.br"
    else
        print ".PP\n.nf\n.RS\n" roff($0) "\n.RE\n.fi\n.PP"
    next
}
{ print roff($0) }
END { printf ".SH SEE ALSO\n.BR %s (1)\n", roff(see) }
