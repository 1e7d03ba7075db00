#!/bin/sh
# Turns lines of `LANGUAGE WORD` into a C table: words.sh INPUT OUTPUT
set -eu
{
    echo '#include "greet.h"'
    echo
    echo 'const struct word words[] = {'
    while read -r language word; do
        printf '    {"%s", "%s"},\n' "$language" "$word"
    done
    echo '};'
    echo 'const unsigned long word_count = sizeof words / sizeof *words;'
} <"$1" >"$2"
