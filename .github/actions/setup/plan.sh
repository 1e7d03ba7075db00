#!/usr/bin/env bash
# What is cached, and the key that finds it. From left to right, each part narrower than the one before:
#
#   rekindle / version / system / what / your part / toolchains / job and matrix / manifests / run
#
# What is restored is checked by content in any case: the key only has to find what is most alike. So each look-up
# takes away a part from the right, and the newest that fits is taken. The last part is this run's own: a key is
# never written twice, and each run can save.
set -euo pipefail

problem() {
    echo "::error::rekindle: $1"
    exit 2
}

[[ "$KEY" =~ ^[A-Za-z0-9._-]{1,100}$ ]] ||
    problem 'key is made of up to 100 letters, digits, dots, dashes and underscores'
[[ "$PROJECT" != /* && "/$PROJECT/" != */../* && "$PROJECT" != *[$'\n,*?[!~#']* ]] ||
    problem "working-directory is a plain path below the workspace, not $PROJECT"
cd "$GITHUB_WORKSPACE"
directory=$(realpath --relative-to=. --no-symlinks "./$PROJECT")
[[ -d "$directory" ]] || problem "working-directory is $PROJECT: there is no such directory"
[[ "$directory" == . ]] && prefix= || prefix=$directory/

# Relative to the workspace: GitHub finds only what was saved under the same text, and runners have other workspaces.
store=${prefix}.rekindle/store build=${prefix}.rekindle/build pack=${prefix}.rekindle/rekindle.pack
case "$CACHE" in
store) paths=$store ;;
pack) paths=$pack ;;
build) paths=$build ;;
both) paths=$store$'\n'$build ;;
none) paths= ;;
*) problem "cache is store, pack, build, both or none, not $CACHE" ;;
esac

short() {
    local digest
    digest=$(sha256sum)
    printf '%s' "${digest:0:16}"
}

# The compilers, by what they are made of. Images of runners change gradually, so that for some days every other run has
# the old one; each finds what was built with its own. No toolchain yet is a value like another.
toolchains=$(
    cd "$directory"
    export REKINDLE_NO_STORE=true REKINDLE_BUILD_DIR=$RUNNER_TEMP/rekindle-plan
    { "$REKINDLE" toolchain list --format json || true; } 2>/dev/null |
        { grep --only-matching '"digest":"[0-9a-f]*"' || true; } | LC_ALL=C sort -u | short
)
manifests=$(
    cd "$directory"
    find . -name .rekindle -prune -o -name rekindle.toml -type f -print0 |
        LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum | short
)
job=$(printf '%s\n' "$GITHUB_WORKFLOW" "$GITHUB_JOB" "$MATRIX" | short)

common=rekindle/$VERSION/$RUNNER_OS-$RUNNER_ARCH/$CACHE/$KEY/
near=$common$toolchains/$job/
{
    echo "key=$near$manifests/$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT"
    echo 'restore-keys<<end-of-keys'
    echo "$near$manifests/"
    echo "$near"
    echo "$common$toolchains/"
    echo "$common"
    echo 'end-of-keys'
    echo 'paths<<end-of-paths'
    echo "$paths"
    echo 'end-of-paths'
    echo "store-path=$GITHUB_WORKSPACE/$store"
    echo "build-path=$GITHUB_WORKSPACE/$build"
    echo "pack-path=$GITHUB_WORKSPACE/$pack"
} >>"$GITHUB_OUTPUT"
