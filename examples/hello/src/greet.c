#include "greet.h"

#include <string.h>

const char *greeting(const char *language) {
  for (unsigned long i = 0; i < word_count; i++)
    if (strcmp(words[i].language, language) == 0) return words[i].text;
  return words[0].text;
}
