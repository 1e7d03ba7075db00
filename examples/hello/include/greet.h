#ifndef GREET_H
#define GREET_H

/* A way to say hello. */
struct word {
  const char *language;
  const char *text;
};

/* All of them; generated from words/hello.txt. */
extern const struct word words[];
extern const unsigned long word_count;

/* The word of a language, English if the language is not known. */
const char *greeting(const char *language);

#endif
