#include "zlite.h"

unsigned zlite_packed(const char *text)
{
    unsigned length = 0;
    for (const char *at = text; *at; at++)
        length += at == text || at[0] != at[-1];
    return length;
}
