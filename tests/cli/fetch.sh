#!/bin/sh
# SPDX-License-Identifier: MIT
# datasets/fetch, from a local server (http_server.py) and from disk.
. "$tests/lib.sh"

fetch=$tests/../../datasets/fetch
for command in curl python3 unzip xz; do
    if ! command -v $command >/dev/null 2>&1; then
        skip 'datasets/fetch' "no $command here"
        finish
    fi
done
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

mkdir served
python3 "$tests/http_server.py" "$PWD/served" "$PWD/port" "$PWD/log" 2>server-errors &
server=$!
trap 'kill $server' EXIT
tries=100
until [ -s port ] || [ $tries -eq 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
done
check 'the server is up' test -s port
url=http://127.0.0.1:$(cat port)

digest() {
    sha256sum <"$1" | cut -d ' ' -f 1
}

# row SET PATH HOW URL...: a line of the table.
row() {
    name=$1
    path=$2
    shift 2
    echo "$name $(basename "$path") $(digest "$path") $(($(wc -c <"$path"))) $*"
}

# run_fetch ARGUMENT...: sets $status, and writes the files out and err.
run_fetch() {
    run "$fetch" "$@"
    cp "$scratch/out" out
    cp "$scratch/err" err
}

# requests: prints and clears the server's log.
requests() {
    cat log
    : >log
}

seq 1 1000 >served/numbers # 3893 bytes
seq 5 900 >served/others
pair() {
    echo 'pair - Two files: for tests'
    row pair served/numbers keep "$1"
    row pair served/others keep "$2"
}
pair "$url/good/" "$url/good/" >table

# --- options ---

check_prints '^  datasets/fetch mnist$' "$fetch" --help
cp "$scratch/out" help
for option in --from --mirror --table --to --quiet --help; do
    check "--help names $option" grep -q -e " $option" help
done
check_stdout "$(cat help)" "$fetch" -h
try="Try 'datasets/fetch --help'."
check_fails 2 "fetch: expected the NAME of a data set, found nothing
$try" "$fetch"
check_fails 2 "fetch: expected one of pair, found \"pears\"
$try" "$fetch" --table table pears
check_fails 2 "fetch: expected one NAME, found \"pair\" and \"pair\"
$try" "$fetch" --table table pair pair
check_fails 2 "fetch: unrecognized option '--form'
$try" "$fetch" --form pair
check_fails 2 "fetch: --from: expected a value, found nothing
$try" "$fetch" pair --from
check_fails 2 "fetch: --from: expected a folder, found \"no-folder\"
$try" "$fetch" --table table pair --from no-folder
check_fails 2 "fetch: --mirror: expected http://... or https://..., found \"file:///x\"
$try" "$fetch" --mirror file:///x pair
check_fails 2 "fetch: gtsrb16: expected --from DIR, since gtsrb16.tar.xz has no public address
$try" "$fetch" gtsrb16
check_fails 1 'fetch: no-table: expected a table of files, found none to read' \
    "$fetch" --table no-table pair
echo 'pair ../numbers 0 0 keep' >bad-table
check_fails 1 'fetch: bad-table: line 1: expected SET FILE SHA256 BYTES HOW URL..., found "pair ../numbers 0 0 keep"' \
    "$fetch" --table bad-table pair

# --- downloading ---

check_stdout './pair: verified: Two files: for tests' "$fetch" --table table --to . pair
check 'the first file is right' cmp served/numbers pair/numbers
check 'the second file is right' cmp served/others pair/others
check 'nothing else is left' test "$(ls -A pair)$(find . -name '.fetch*')" = 'numbers
others'
: >log
check_stdout './pair: already there, verified: Two files: for tests' \
    "$fetch" --table table --to . pair
check_stdout '' "$fetch" -q --table=table --to=. pair
check 'what is there is not asked for again' test ! -s log

rm pair/others
check_stdout './pair: verified: Two files: for tests' "$fetch" --table table --to . pair
check 'only what is missing is asked for' test "$(requests)" = '/good/others -'
echo >>pair/others
check_fails 1 'fetch: ./pair/others: expected 3484 bytes, found 3485; remove it and fetch again' \
    "$fetch" --table table --to . pair
check 'a file that does not verify is left to its owner' test "$(wc -c <pair/others)" -eq 3485
rm -r pair

mkdir 'a folder'
check_stdout 'a folder/pair: verified: Two files: for tests' \
    "$fetch" --table table --to 'a folder' pair
echo >file
check_fails 1 'fetch: file/.fetch-pair-partial: cannot be written: Not a directory' \
    "$fetch" --table table --to file pair

# --- broken transfers ---

: >log
pair "$url/cut/" "$url/good/" >cut-table
check_stdout './pair: verified: Two files: for tests' "$fetch" --table cut-table --to . pair
check 'what was cut off is right in the end' cmp served/numbers pair/numbers
check 'each transfer goes on where the last one was cut off' test "$(requests)" = '/cut/numbers -
/cut/numbers bytes=1000-
/cut/numbers bytes=2000-
/cut/numbers bytes=3000-
/good/others -'
rm -r pair

kept='fetch: what was fetched so far is kept in ./.fetch-pair-partial; the same command resumes from there'
pair "$url/good/" "$url/none/" >late-table
check_fails 1 "fetch: $url/none/: others: The requested URL returned error: 404
fetch: pair: expected others from one of these addresses, found it at none; --from DIR takes a copy on disk
$kept" "$fetch" --table late-table --to . pair
check 'nothing is in place yet' test ! -e pair
head -c 1500 served/others >.fetch-pair-partial/others.part
: >log
check_stdout './pair: verified: Two files: for tests' "$fetch" --table table --to . pair
check 'the next run goes on from there' test "$(requests)" = '/good/others bytes=1500-'
check 'what was continued is right' cmp served/others pair/others
rm -r pair

mkdir .fetch-pair-partial
head -c 1500 served/numbers >.fetch-pair-partial/numbers.part
pair "$url/whole/" "$url/whole/" >whole-table
check_stdout './pair: verified: Two files: for tests' "$fetch" --table whole-table --to . pair
check 'without ranges it begins anew' test "$(requests)" = '/whole/numbers bytes=1500-
/whole/numbers -
/whole/others -'
rm -r pair

mkdir .fetch-pair-partial
seq 2000 2100 >.fetch-pair-partial/numbers.part
check_stdout './pair: verified: Two files: for tests' "$fetch" --table table --to . pair
check 'a wrong beginning is fetched again' cmp served/numbers pair/numbers
rm -r pair

# --- mirrors ---

: >log
run_fetch --table table --to . --mirror "$url/none" --mirror "$url/none2/" pair
check 'mirrors are tried in turn' test "$(requests)" = '/none/pair/numbers -
/none2/pair/numbers -
/good/numbers -
/none/pair/others -
/none2/pair/others -
/good/others -'
check 'then the address in the table' cmp served/others pair/others
check 'each mirror without the file has its line' test "$(sort -u err)" = "\
fetch: $url/none/pair/: numbers: The requested URL returned error: 404
fetch: $url/none/pair/: others: The requested URL returned error: 404
fetch: $url/none2/pair/: numbers: The requested URL returned error: 404
fetch: $url/none2/pair/: others: The requested URL returned error: 404"
rm -r pair

head -c 3892 served/numbers >wrong && printf '\013' >>wrong
wrong="fetch: $url/bad/: numbers: expected SHA-256 $(digest served/numbers), found $(digest wrong)"
none='fetch: pair: expected numbers from one of these addresses, found it at none; --from DIR takes a copy on disk'
pair "$url/bad/" "$url/bad/" >bad-table
check_fails 1 "$wrong
$none" "$fetch" --table bad-table --to . pair
check 'of a wrong file nothing is left' test ! -e pair -a ! -e .fetch-pair-partial
pair "$url/html/" "$url/html/" >html-table
check_fails 1 "fetch: $url/html/: numbers: expected 3893 bytes, found 17
$none" "$fetch" --table html-table --to . pair
pair "$url/bad/ $url/good/" "$url/good/others" >bad-good-table
run_fetch --table bad-good-table --to . pair
check 'after a wrong file the next address is tried' cmp served/numbers pair/numbers
check 'and said to be' test "$(cat err)" = "$wrong"
rm -r pair

refused="http://127.0.0.1:1/"
pair "$refused $url/good/" "$refused $url/good/" >refused-table
run_fetch --table refused-table --to . pair
check 'an address that cannot be reached is tried once' test "$(wc -l <err)" -eq 1
check 'and the next one used' cmp served/others pair/others
rm -r pair

run sh -c "trap '' XFSZ; ulimit -f 2; exec '$fetch' --table table --to . pair"
cp "$scratch/err" err
check 'a full disk is a failure' test "$status" -eq 1
check 'that names the file' grep -q '^fetch: ./.fetch-pair-partial/numbers.part: cannot be written: ' err
check 'and leaves nothing in place' test ! -e pair
rm -r .fetch-pair-partial

mkdir .fetch-pair-partial
(exec 8>.fetch-pair-partial/.lock && flock -n 8 && "$fetch" --table table --to . pair) 2>err
check 'two at a time do not mix' test "$(cat err)" = \
    'fetch: ./.fetch-pair-partial: another datasets/fetch pair is at work there'
rm -r .fetch-pair-partial

# --- from disk ---

mkdir -p disk/pair
cp served/numbers disk/pair && cp served/others disk
chmod 400 disk/others
: >log
check_stdout './pair: verified: Two files: for tests' \
    "$fetch" --table table --to . --from disk pair
check 'from disk nothing is asked for' test ! -s log
check 'and the copy is writable' test "$(stat -c %a pair/others)" = 644
rm -r pair
echo >>disk/pair/numbers
check_fails 1 'fetch: disk/pair/numbers: expected 3893 bytes, found 3894' \
    "$fetch" --table table --to . --from disk pair
rm disk/pair/numbers
check_fails 1 'fetch: disk: expected numbers there or in disk/pair, found neither' \
    "$fetch" --table table --to . --from disk pair

# Any compression of the same bytes is accepted, and none.
gzip -9 -c served/numbers >served/packed.gz
{
    echo 'packed - Compressed'
    row packed served/packed.gz "gzip:$(digest served/numbers):3893" npm:packed@1.0.0:data
} >packed-table
gzip -1 -c served/numbers >disk/packed.gz
check 'the copies differ' test "$(digest disk/packed.gz)" != "$(digest served/packed.gz)"
check_stdout './packed: verified: Compressed' "$fetch" --table packed-table --to . --from disk packed
check 'another compression is taken' cmp disk/packed.gz packed/packed.gz
rm -r packed
echo more >>disk/packed.gz
check_fails 1 "fetch: disk/packed.gz: expected $(wc -c <served/packed.gz) bytes, found $(wc -c <disk/packed.gz)" \
    "$fetch" --table packed-table --to . --from disk packed
rm disk/packed.gz
cp served/numbers disk/packed
check_stdout './packed: verified: Compressed' "$fetch" --table packed-table --to . --from disk packed
check 'what is not compressed is compressed' test "$(gzip -dc packed/packed.gz | sha256sum)" = \
    "$(digest served/numbers)  -"
rm -r packed

# A substitute for npm that packs a package of one file.
mkdir -p bin package/data
cp served/numbers package/data/packed
tar -czf packed-1.0.0.tgz package
printf '#!/bin/sh\necho "$@" >"%s/npm-log"\ncp "%s/packed-1.0.0.tgz" .\n' "$PWD" "$PWD" >bin/npm
chmod +x bin/npm
check_stdout './packed: verified: Compressed' \
    env PATH="$PWD/bin:$PATH" "$fetch" --table packed-table --to . packed
check 'npm is asked for the package' grep -q '^pack .* packed@1.0.0$' npm-log
check 'the file in the package is used' test "$(gzip -dc packed/packed.gz | sha256sum)" = \
    "$(digest served/numbers)  -"
rm -r packed
printf '#!/bin/sh\necho "npm error: no such package" >&2\nexit 1\n' >bin/npm
check_fails 1 'fetch: npm:packed@1.0.0:data: packed.gz: npm pack: npm error: no such package
fetch: packed: expected packed.gz from one of these addresses, found it at none; --from DIR takes a copy on disk' \
    env PATH="$PWD/bin:$PATH" "$fetch" --table packed-table --to . packed

# --- archives ---

mkdir -p top/inner
cp served/numbers top/inner
cp served/others top
tar -czf served/plain.tar.gz -C top .
tar -cJf served/wrapped.tar.xz top
python3 - <<'PYTHON'
import stat
import zipfile

with zipfile.ZipFile("served/images.zip", "w") as archive:
    archive.write("served/numbers", "SIGNS/Test/numbers")
with zipfile.ZipFile("served/labels.zip", "w") as archive:
    archive.write("served/others", "others.csv")
with zipfile.ZipFile("served/out.zip", "w") as archive:
    archive.writestr("fine", "fine")
    archive.writestr("deep/../../escaped", "text")
with zipfile.ZipFile("served/link.zip", "w") as archive:
    link = zipfile.ZipInfo("link")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(link, "/etc")
PYTHON
ln -s /etc link
tar -cf - link | gzip >served/link.tar.gz
tar -cPf - "$PWD/file" | gzip >served/root.tar.gz
seq 1 9 | gzip >served/none.tar.gz
{
    echo 'plain - From a tar'
    row plain served/plain.tar.gz unpack:. "$url/good/"
    echo 'wrapped - From a tar of one folder'
    row wrapped served/wrapped.tar.xz unpack:. "$url/good/"
    echo 'signs - From two zips'
    row signs served/images.zip unpack:. "$url/good/"
    row signs served/labels.zip unpack:SIGNS/Test "$url/good/"
    for archive in out.zip link.zip link.tar.gz root.tar.gz none.tar.gz; do
        row "${archive%%.*}-${archive##*.}" served/$archive unpack:. "$url/good/"
    done
    row signs-jpeg served/plain.tar.gz unpack:.
    echo 'signs-jpeg - The JPEG copy: not the same'
} >archives

check_stdout './plain: verified: From a tar' "$fetch" --table archives --to . plain
check 'a tar.gz is unpacked' diff -r -x SOURCE -x SHA256SUMS top plain
check 'SHA256SUMS lists what was unpacked' sh -c 'cd plain && sha256sum --strict -c SHA256SUMS'
check 'SOURCE says what it is' test "$(sed -n 1p plain/SOURCE)" = 'From a tar'
check_stdout './wrapped: verified: From a tar of one folder' \
    "$fetch" --table archives --to . wrapped
check 'a tar.xz is unpacked, without the folder around it' \
    diff -r -x SOURCE -x SHA256SUMS top wrapped
check_stdout './signs: verified: From two zips' "$fetch" --table archives --to . signs
check 'zips are unpacked, each in its place' test "$(cd signs && find . -type f | sort)" = './SHA256SUMS
./SOURCE
./Test/numbers
./Test/others.csv'
check 'the archives are not kept' test -z "$(find . -name '.fetch*')"

: >log
check_stdout './signs: already there, verified: From two zips' \
    "$fetch" --table archives --to . signs
check 'what is unpacked is not asked for again' test ! -s log
echo 1 >signs/Test/numbers
check_fails 1 'fetch: ./signs/Test/numbers: expected its SHA-256 in SHA256SUMS, found another or no file; remove ./signs and fetch again' \
    "$fetch" --table archives --to . signs
rm signs/SOURCE
check_fails 1 'fetch: ./signs: expected a folder made by datasets/fetch, found another; move it away first' \
    "$fetch" --table archives --to . signs
rm -r signs

refuse() {
    check_fails 1 "fetch: ./.fetch-$1-partial/$2: $3" \
        "$fetch" --table archives --to . "$1"
    check "$2 leaves nothing in place" test ! -e "$1" -a ! -e ".fetch-$1-partial" -a ! -e escaped
}
inside='expected names inside its own folder, found'
refuse out-zip out.zip "$inside \"deep/../../escaped\""
refuse root-gz root.tar.gz "$inside \"$PWD/file\""
refuse none-gz none.tar.gz 'expected an archive of files, found none that can be listed'
run_fetch --table archives --to . link-zip
check 'a link in a zip is refused' grep -q 'expected files and folders only, found "l' err
run_fetch --table archives --to . link-gz
check 'a link in a tar is refused' grep -q 'expected files and folders only, found "l' err
check 'and not made' test ! -e link-zip -a ! -e link-gz

copy='fetch: disk has no signs itself, but a JPEG copy, which is taken instead'
cp served/plain.tar.gz disk
run_fetch --table archives --to . --from disk signs
check 'a JPEG copy stands in' test "$status" -eq 0 -a "$(cat err)" = "$copy"
check 'and is said to be one' grep -qx './signs: verified: The JPEG copy: not the same' out
check 'there, too' grep -qx 'The JPEG copy: not the same' signs/SOURCE
run_fetch --table archives --to . --from disk signs
check 'it is there already' \
    grep -qx './signs: already there, verified: The JPEG copy: not the same' out
check_fails 1 'fetch: ./signs: expected what images.zip holds, found "The JPEG copy"; remove the folder to fetch signs' \
    "$fetch" --table archives --to . signs

# --- interrupts ---

# A connection that is never answered: curl waits until the signal.
python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
open("silent.new", "w").write(str(s.getsockname()[1]))
__import__("os").rename("silent.new", "silent")
time.sleep(60)' &
silent=$!
trap 'kill $server $silent' EXIT
until [ -s silent ]; do sleep 0.1; done
pair "$url/good/" "http://127.0.0.1:$(cat silent)/" >silent-table
"$fetch" --table silent-table --to . pair 2>interrupted &
running=$!
until [ -e .fetch-pair-partial/.answer ] && [ "$(tail -n 1 log)" = '/good/numbers -' ] &&
    [ -e .fetch-pair-partial/numbers ] || ! kill -0 $running; do
    sleep 0.1
done
kill -TERM $running
status=0
wait $running || status=$?
check 'a signal ends it' test "$status" -eq 143
check 'it says how to go on' test "$(cat interrupted)" = "$kept"
: >log
check_stdout './pair: verified: Two files: for tests' "$fetch" --table table --to . pair
check 'and goes on from there' test "$(requests)" = '/good/others -'

# --- the table that is shipped ---

if [ -d /usr/share/datasets/fashion-mnist ]; then
    check_prints '^fashion: verified: Fashion-MNIST, ' sh -c "mkdir x && cd x && '$fetch' --to . fashion-mnist |
        sed 's|^./fashion-mnist|fashion|'"
else
    skip 'Fashion-MNIST from its Debian package' 'not installed'
fi
check 'the server had no error' test ! -s server-errors
finish
