#!/usr/bin/env bash
# Reads a restored pack, tells later steps where the store is, and notes what the save action needs: above all the
# time, since what this job's builds use from now on is what is kept.
set -euo pipefail

hit=false
[[ -z "$MATCHED" ]] || hit=true
if [[ "$CACHE" == pack && -f "$PACK" ]]; then
    if ! "$REKINDLE" cache import "$PACK" --store "$STORE"; then
        echo '::warning::rekindle: the pack that was restored is not used; this job builds from nothing'
        hit=false
    fi
    rm -f "$PACK"
fi
# What was restored is older than the time that is noted, in whole seconds.
began=$(date +%s)
if [[ -n "$(find "$STORE" -type f -path '*/builds/*' -newermt "@$began" -print -quit 2>/dev/null)" ]]; then
    sleep 1.1
    began=$(date +%s)
fi

listing=
if [[ -d "$STORE" ]]; then
    listing=$(cd "$STORE" && find . -type f -path './v*/*/*/*' ! -path './v*/builds/*' | LC_ALL=C sort | sha256sum)
fi

{
    case "$CACHE" in
    build)
        echo 'REKINDLE_MATERIALIZE=all'
        echo 'REKINDLE_NO_STORE=true'
        ;;
    both)
        echo 'REKINDLE_MATERIALIZE=all'
        echo "REKINDLE_STORE=$STORE"
        ;;
    *) echo "REKINDLE_STORE=$STORE" ;;
    esac
    echo "REKINDLE_CI_BEGAN=$began"
    echo "REKINDLE_CI_CACHE=$CACHE"
    echo "REKINDLE_CI_KEY=$KEY"
    echo "REKINDLE_CI_STORE=$STORE"
    echo "REKINDLE_CI_BUILD=$BUILD"
    echo "REKINDLE_CI_PACK=$PACK"
    echo "REKINDLE_CI_LISTING=${listing:0:64}"
    echo "REKINDLE_CI_SAVE=$SAVE"
    echo "REKINDLE_CI_WHY=$WHY"
    echo 'REKINDLE_CI_PATHS<<end-of-paths'
    echo "$PATHS"
    echo 'end-of-paths'
} >>"$GITHUB_ENV"
echo "cache-hit=$hit" >>"$GITHUB_OUTPUT"
