#include <stdio.h>
#include <string.h>

#include "greet.h"

static int failures;

static void expect(const char *language, const char *word) {
  if (strcmp(greeting(language), word) == 0) return;
  printf("greeting(\"%s\") is \"%s\", expected \"%s\"\n", language, greeting(language), word);
  failures++;
}

int main(void) {
  expect("de", "Hallo");
  expect("sw", "Jambo");
  expect("nowhere", "Hello");
  return failures != 0;
}
