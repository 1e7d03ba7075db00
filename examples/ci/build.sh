#!/usr/bin/env bash
# Builds with what an earlier run left in a file, and leaves such a file for the next: for any CI that can carry one
# file from run to run, and for machines that share a directory.
#
#   PACK=FILE       the file; read if it is there, replaced at the end [.rekindle/rekindle.pack]
#   MORE_PACKS=...  further ones to read, with blanks between them: the packs of other jobs of a matrix
#   READ_ONLY=1     only read: for code that is not trusted, whose results nobody else is to get
#   TARGETS=...     what to build, with blanks between [the default targets]
set -euo pipefail

pack=${PACK:-.rekindle/rekindle.pack}
read -ra packs <<<"$pack ${MORE_PACKS:-}"
read -ra targets <<<"${TARGETS:-}"
# A store of this run's own: what is in it at the end is what was carried here and what was made here.
export REKINDLE_STORE=${REKINDLE_STORE:-$PWD/.rekindle/store}

for file in "${packs[@]}"; do
    if [[ -f "$file" ]]; then
        rekindle cache import "$file" || echo "$file is not used" >&2
    fi
done
# What was imported is older than the time that is noted, in whole seconds.
sleep 1.1
began=$(date +%s)

rekindle build "${targets[@]}"
rekindle test

if [[ "${READ_ONLY:-0}" != 1 ]]; then
    mkdir -p "$(dirname "$pack")"
    rekindle cache export "$pack" --used-since "@$began"
fi
