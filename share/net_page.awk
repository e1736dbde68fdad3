# Makes the man page trapdoor-net(5) of what trapdoor-train --help-net prints; `version` and `date`
# stand in its header.

function roff(line) {
    gsub(/\\/, "\\e", line)
    gsub(/-/, "\\-", line)
    gsub(/'/, "\\(aq", line)
    return line
}

BEGIN {
    printf ".TH TRAPDOOR-NET 5 \"%s\" \"Trapdoor %s\" \"Trapdoor Manual\"\n", date, version
    print ".SH NAME\ntrapdoor-net \\- nets as text, and the operators they are made of"
    print ".SH DESCRIPTION"
}
/^$/ { print ".PP"; next }
/^[a-z-]+\(/ { # an operator
    if (!operators++)
        print ".SH OPERATORS"
    printf ".SS %s\n", roff($0)
    next
}
/^    / { # a key
    name = $1
    sub(/^ +[^ ]+ +/, "")
    printf ".TP\n.B %s\n%s\n", roff(name), roff($0)
    next
}
/^  / { # one of an operator's lines, or the form of a node's
    sub(/^ +/, "")
    if (operators)
        print roff($0) "\n.br"
    else
        print ".PP\n.nf\n.RS\n" roff($0) "\n.RE\n.fi\n.PP"
    next
}
{ print roff($0) }
END { print ".SH SEE ALSO\n.BR trapdoor\\-train (1)" }
