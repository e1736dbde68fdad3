# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Sourced by fetch: unpacks untrusted archives. `fail`, `need` and `first_line` are fetch's, and
# $work the folder that it gathers in.

# expand FILE: decompresses a .tar.xz, .tar.gz or .tgz to stdout.
expand() {
    case $1 in
    *.xz) xz -dc <"$1" ;;
    *) gzip -dc <"$1" ;;
    esac
}

# refuse ARCHIVE TEXT...: deletes a bad download, so that the next run does not use it.
refuse() {
    case $1 in "$work"/*) rm -f -- "$1" ;; esac
    archive=$1
    shift
    fail "$archive: expected $*"
}

# check_names ARCHIVE: checks that no entry would be unpacked outside the folder.
check_names() {
    case $1 in
    *.zip)
        names=$(unzip -Z1 "$1" 2>/dev/null)
        links=$(unzip -Z -s "$1" 2>/dev/null | grep '^l[-r][-w]')
        ;;
    *)
        names=$(expand "$1" 2>/dev/null | tar -t -f - 2>/dev/null)
        links=$(expand "$1" 2>/dev/null | tar -t -v -f - 2>/dev/null | grep '^[^-d]')
        ;;
    esac
    bad=$(printf '%s\n' "$names" | grep -E '^/|(^|/)\.\.(/|$)|[\]' | sed -n 1p)
    [ -z "$bad" ] || refuse "$1" "names inside its own folder, found \"$bad\""
    [ -z "$links" ] || refuse "$1" "files and folders only, found \"$(first_line "$links")\""
    [ -n "$names" ] || refuse "$1" "an archive of files, found none that can be listed"
}

# unpack ARCHIVE FOLDER
unpack() {
    case $1 in
    *.zip) need unzip unzip "to unpack $1" ;;
    *.xz) need xz xz-utils "to unpack $1" ;;
    esac
    check_names "$1"
    mkdir -p -- "$2" || exit 1
    case $1 in
    *.zip) message=$(unzip -q -o "$1" -d "$2" 2>&1 </dev/null) ;;
    *) message=$(expand "$1" | tar -x --no-same-owner -f - -C "$2" 2>&1) ;;
    esac || fail "$1: cannot be unpacked: $(first_line "$message")"
}
