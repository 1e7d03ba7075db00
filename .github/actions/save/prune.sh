#!/usr/bin/env bash
# Leaves in the cache what this job's builds used, and decides whether it is worth saving. Whatever goes wrong here
# is a reason not to save, and none for the job to fail.
set -euo pipefail

answer() {
    echo "rekindle: $2"
    {
        echo "save=$1"
        echo "key=${REKINDLE_CI_KEY:-}"
        echo 'paths<<end-of-paths'
        echo "${REKINDLE_CI_PATHS:-}"
        echo 'end-of-paths'
    } >>"$GITHUB_OUTPUT"
    exit 0
}

[[ -n "${REKINDLE_CI_CACHE:-}" ]] || {
    echo '::error::rekindle: the setup action was not called before the save action'
    exit 2
}
[[ "$REKINDLE_CI_CACHE" != none ]] || answer false 'nothing is saved: "cache: none" is set'
[[ "$REKINDLE_CI_SAVE" == true ]] || answer false "nothing is saved: $REKINDLE_CI_WHY"
[[ "$STATUS" != cancelled ]] || answer false 'nothing is saved: the job was cancelled'

# Whether a file of that kind was written after the job began.
newer() {
    [[ -n "$(find "$@" -newermt "@$REKINDLE_CI_BEGAN" -print -quit 2>/dev/null)" ]]
}

store=$REKINDLE_CI_STORE build=$REKINDLE_CI_BUILD

if [[ "$REKINDLE_CI_CACHE" != build ]]; then
    # With no build there is no telling what is in use: pruning would leave nothing.
    newer "$store" -type f -path '*/builds/*' || answer false 'nothing is saved: no build was recorded in this job'
    # A job that failed may not have come to all of its builds: what the last good one used stays.
    pruned=()
    if [[ "$STATUS" == success ]]; then
        pruned=(--used-since "@$REKINDLE_CI_BEGAN")
        rekindle cache trim "${pruned[@]}" --store "$store" ||
            answer false 'nothing is saved: the store could not be pruned'
    fi
    listing=$(cd "$store" && find . -type f -path './v*/*/*/*' ! -path './v*/builds/*' | LC_ALL=C sort | sha256sum)
    [[ "${listing:0:64}" != "$REKINDLE_CI_LISTING" ]] || answer false 'nothing is saved: what was restored is all there is'
    if [[ "$REKINDLE_CI_CACHE" == pack ]]; then
        rekindle cache export "$REKINDLE_CI_PACK" --store "$store" "${pruned[@]:---all}" ||
            answer false 'nothing is saved: the pack could not be written'
    else
        # What belongs to this machine alone.
        rm -rf "$store"/v*/{tmp,damaged,usage,lock}
    fi
fi
if [[ "$REKINDLE_CI_CACHE" == build || "$REKINDLE_CI_CACHE" == both ]]; then
    newer "$build" -type f -name journal || answer false 'nothing is saved: there was nothing to build'
    rm -rf "$build"/*/{tmp,kept,snapshots,lock,running,marker}
fi
answer true "what is saved takes $(cd "$GITHUB_WORKSPACE" && mapfile -t paths <<<"$REKINDLE_CI_PATHS" && du -hc "${paths[@]}" | tail -n 1 | cut -f 1)"
