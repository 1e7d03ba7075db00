#ifndef ZLITE_H
#define ZLITE_H

#include "zlite_version.h"

/* The length of a text when runs of a letter are written once. */
unsigned zlite_packed(const char *text);

#endif
