# A text file as the lines of an array of C strings.
{
    gsub(/[\\"]/, "\\\\&")
    print "\"" $0 "\\n\","
}
