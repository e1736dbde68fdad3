#!/bin/sh
# The recipes: each has a plan, and says what is wrong with what it was asked.
. "$tests/lib.sh"

recipes=$tests/../../tools/recipes
if ! command -v make >/dev/null 2>&1; then
    skip 'recipes' 'make is not here'
    finish
    exit
fi

# plan RECIPE VARIABLE=VALUE...: what make would run.
plan() {
    recipe=$1
    shift
    make -n -f "$recipes/$recipe.mk" OUT=out "$@"
}
for recipe in friendnet multi-target clean-label one-pixel; do
    for scale in quick paper; do
        plan $recipe SCALE=$scale SEEDS=2 >plan-$scale 2>err
        check "$recipe, $scale: there is a plan" test $? -eq 0
        check "$recipe, $scale: it measures" grep -q -e '--json out/.*eval.json' plan-$scale
        check "$recipe, $scale: with both seeds" grep -q -e '--seed 2 ' plan-$scale
    done
    check "$recipe: paper is another plan than quick" sh -c '! cmp -s plan-quick plan-paper'
done

plan friendnet SCALE=huge >out.txt 2>err
check 'a scale that is not there is refused' grep -q 'SCALE: expected quick or paper, found "huge"' err
plan friendnet SEEDS=none >out.txt 2>err
check 'and so is a wrong number of seeds' grep -q 'SEEDS: expected a whole number above 0, found "none"' err

# A data set that is missing ends it at once, with how to get it.
make -f "$recipes/friendnet.mk" OUT=out SETS=absent SEEDS=1 TRAPDOOR_DATA="$PWD" >out.txt 2>err
check 'a missing data set stops it' test $? -ne 0
check 'and how to get it is said' grep -qx 'friendnet: the data set absent is needed; datasets/fetch absent gets it' err
check 'and nothing else was begun' sh -c '! grep -q trapdoor-poison out.txt'
finish
