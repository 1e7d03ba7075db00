#include <stdio.h>

#include "greet.h"

int main(int count, char **arguments) {
  printf("%s from rekindle\n", greeting(count > 1 ? arguments[1] : "en"));
  return 0;
}
