/* Runs SQL: `sqlite-run DATABASE STATEMENT...`; a row is a line, its columns separated by `|`. */
#include <stdio.h>

#include "sqlite3.h"

static int print_row(void *unused, int count, char **values, char **names) {
  (void)unused;
  (void)names;
  for (int i = 0; i < count; i++) printf("%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
  putchar('\n');
  return 0;
}

int main(int count, char **words) {
  if (count < 3) {
    fprintf(stderr, "usage: sqlite-run DATABASE STATEMENT...\n");
    return 2;
  }
  sqlite3 *database;
  if (sqlite3_open(words[1], &database)) {
    fprintf(stderr, "%s: %s\n", words[1], sqlite3_errmsg(database));
    return 1;
  }
  for (int i = 2; i < count; i++) {
    char *why = NULL;
    if (sqlite3_exec(database, words[i], print_row, NULL, &why)) {
      fprintf(stderr, "%s: %s\n", words[i], why);
      return 1;
    }
  }
  return sqlite3_close(database) != SQLITE_OK;
}
