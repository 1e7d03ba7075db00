#!/usr/bin/env bash
# Whether what this run builds may be saved. Who saves chooses what later runs restore, so only runs of code that
# somebody with the right to write has put here do: no pull request from a fork, and none of the events that run
# with the rights of the default branch while somebody else chose the code or the text (pull_request_target,
# workflow_run, issue_comment, ...). An event that is not known here saves nothing.
set -euo pipefail

case "$WHO" in
auto | pull-requests | never) ;;
*)
    echo "::error::rekindle: save is auto, pull-requests or never, not $WHO"
    exit 2
    ;;
esac

save=false
case "$EVENT" in
'') why='the event is not known' ;;
*) why="an event of the kind $EVENT does not save" ;;
esac
case "$EVENT" in
push | schedule | merge_group | workflow_dispatch | repository_dispatch)
    save=true why="$EVENT"
    ;;
pull_request)
    if [[ "$HEAD_REPOSITORY" != "$REPOSITORY" ]]; then
        why='a pull request from another repository does not save'
    elif [[ "$WHO" == pull-requests ]]; then
        save=true why='a pull request from this repository'
    else
        why='a pull request does not save, unless "save: pull-requests" is set'
    fi
    ;;
esac
if [[ "$WHO" == never ]]; then
    save=false why='"save: never" is set'
fi

{
    echo "save=$save"
    echo "why=$why"
} >>"$GITHUB_OUTPUT"
