#!/usr/bin/env bash
# Puts rekindle on the PATH: the given one, the one that was restored, or one that is built now.
set -euo pipefail

built=false
if [[ -n "$BINARY" ]]; then
    cd "$GITHUB_WORKSPACE"
    if [[ ! -f "$BINARY" || ! -x "$BINARY" ]]; then
        echo "::error::rekindle: binary is $BINARY: no program is there"
        exit 2
    fi
    mkdir -p "$RUNNER_TEMP/rekindle/bin"
    rekindle=$RUNNER_TEMP/rekindle/bin/rekindle
    ln -sf "$(realpath "$BINARY")" "$rekindle"
else
    rekindle=$PLACE/bin/rekindle
    if ! "$rekindle" --version >/dev/null 2>&1; then
        # From its own directory, so that the settings of the workspace (a toolchain, flags) are not taken.
        cd "$GITHUB_ACTION_PATH/../../.."
        CARGO_TARGET_DIR=$RUNNER_TEMP/rekindle-target \
            cargo install --locked --force --path crates/cli --root "$PLACE"
        rm -rf "$RUNNER_TEMP/rekindle-target"
        built=true
    fi
fi

version=$("$rekindle" --version)
dirname "$rekindle" >>"$GITHUB_PATH"
{
    echo "built=$built"
    echo "path=$rekindle"
    echo "version=${version##* }"
} >>"$GITHUB_OUTPUT"
