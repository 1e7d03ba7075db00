#!/usr/bin/env bash
# Where the binary comes from. If it is to be built here, the key under which the built one is kept: by all that it
# is made of, so that it is built once for each version of this action, of Rust and of the system.
set -euo pipefail

if [[ -n "$BINARY" ]]; then
    {
        echo 'key='
        echo 'path='
    } >>"$GITHUB_OUTPUT"
    exit
fi
command -v cargo >/dev/null || {
    echo '::error::rekindle: there is no cargo to build rekindle with; install Rust first, or give binary'
    exit 1
}

cd "$GITHUB_ACTION_PATH/../../.."
made_of=$(
    {
        rustc --version --verbose
        cat /etc/os-release 2>/dev/null || true
        find Cargo.toml Cargo.lock crates -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum
)
{
    echo "key=rekindle-binary/$RUNNER_OS-$RUNNER_ARCH/${made_of:0:32}"
    echo "path=$RUNNER_TEMP/rekindle"
} >>"$GITHUB_OUTPUT"
