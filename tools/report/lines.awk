# SPDX-License-Identifier: MIT
# A text file as the lines of an array of C strings. The licence line on its top stays out.
NR == 1 && /SPDX-License-Identifier/ { next }
{
    gsub(/[\\"]/, "\\\\&")
    print "\"" $0 "\\n\","
}
