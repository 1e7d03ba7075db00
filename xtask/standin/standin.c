/* A stand-in for gcc, ar and ld, small and fast, so that a bench measures the build engine and not a compiler.
 *
 * Compile: reads the source and every file that it names by #include "...", writes a depfile and an "object" that is
 * a function of what was read, comment lines left out (so that a comment changes no object).
 * Archive: a real ar file. Link: a file that is a function of the inputs.
 * Asked what it is, it says that it is gcc 12.2 and that every program of the suite is itself.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECT_BYTES 2048
#define MOST_FILES 65536
#define MOST_DIRS 64

static char *files[MOST_FILES]; /* everything read, in order */
static size_t file_count;
static const char *dirs[MOST_DIRS];
static int dir_count;
static uint64_t state = 0xcbf29ce484222325u;

static void die(const char *what, const char *name) {
  fprintf(stderr, "standin: %s: %s\n", what, name);
  exit(1);
}

static void mix(const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  while (size >= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    state = (state ^ word) * 0x9e3779b97f4a7c15u;
    state ^= state >> 29;
    at += 8;
    size -= 8;
  }
  while (size--) state = (state ^ *at++) * 0x100000001b3u;
}

/* The content of a file with a NUL after it, or NULL. */
static char *slurp(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  struct stat about;
  if (fstat(fd, &about) || !S_ISREG(about.st_mode)) {
    close(fd);
    return NULL;
  }
  char *text = malloc((size_t)about.st_size + 1);
  size_t have = 0;
  ssize_t got;
  while (have < (size_t)about.st_size && (got = read(fd, text + have, (size_t)about.st_size - have)) > 0)
    have += (size_t)got;
  close(fd);
  text[have] = 0;
  *size = have;
  return text;
}

static int seen(const char *path) {
  for (size_t i = 0; i < file_count; i++)
    if (!strcmp(files[i], path)) return 1;
  return 0;
}

static void take(const char *path, char *text, size_t size);

/* One quoted include: beside the includer, then in each -I. */
static void include(const char *from, const char *name, size_t length) {
  char path[4096];
  const char *slash = strrchr(from, '/');
  for (int i = -1; i < dir_count; i++) {
    if (i < 0)
      snprintf(path, sizeof path, "%.*s%.*s", slash ? (int)(slash - from + 1) : 0, from, (int)length, name);
    else
      snprintf(path, sizeof path, "%s/%.*s", dirs[i], (int)length, name);
    if (seen(path)) return;
    size_t size;
    char *text = slurp(path, &size);
    if (text) {
      take(path, text, size);
      return;
    }
  }
  fprintf(stderr, "%s: fatal error: %.*s: No such file or directory\n", from, (int)length, name);
  exit(1);
}

/* Mixes a file's lines and follows its includes. */
static void take(const char *path, char *text, size_t size) {
  if (file_count == MOST_FILES) die("too many files", path);
  files[file_count++] = strdup(path);
  char *end = text + size;
  for (char *line = text; line < end;) {
    char *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop) stop = end;
    if (line[0] == '#' && !strncmp(line, "#include \"", 10)) {
      char *close = memchr(line + 10, '"', (size_t)(stop - line - 10));
      if (close) include(path, line + 10, (size_t)(close - line - 10));
    } else if (!(line[0] == '/' && line[1] == '/')) {
      mix(line, (size_t)(stop - line));
    }
    line = stop + 1;
  }
  free(text);
}

static void put(const char *path, const void *bytes, size_t size, int mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) die("cannot write", path);
  const char *at = bytes;
  while (size) {
    ssize_t done = write(fd, at, size);
    if (done <= 0) die("cannot write", path);
    at += done;
    size -= (size_t)done;
  }
  close(fd);
}

static void put_result(const char *path, int mode) {
  uint64_t words[OBJECT_BYTES / 8];
  for (size_t i = 0; i < OBJECT_BYTES / 8; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    words[i] = state ^ (state >> 31);
  }
  memcpy(words, "STANDIN\n", 8);
  put(path, words, sizeof words, mode);
}

/* A name as make wants it. */
static void make_name(FILE *file, const char *name) {
  for (; *name; name++) {
    if (*name == ' ' || *name == '#' || *name == '\\') fputc('\\', file);
    if (*name == '$') fputc('$', file);
    fputc(*name, file);
  }
}

static void put_depfile(const char *path, const char *target) {
  FILE *file = fopen(path, "w");
  if (!file) die("cannot write", path);
  make_name(file, target);
  fputc(':', file);
  for (size_t i = 0; i < file_count; i++) {
    fputs(" \\\n ", file);
    make_name(file, files[i]);
  }
  fputc('\n', file);
  fclose(file);
}

/* Members with dates, owners and modes left out, as with ar's D. */
static int archive(int count, char **arguments) {
  const char *output = arguments[0];
  FILE *file = fopen(output, "wb");
  if (!file) die("cannot write", output);
  fputs("!<arch>\n", file);
  char *names = NULL;
  size_t names_size;
  FILE *table = open_memstream(&names, &names_size);
  for (int i = 1; i < count; i++) {
    const char *name = strrchr(arguments[i], '/');
    fprintf(table, "%s/\n", name ? name + 1 : arguments[i]);
  }
  fclose(table);
  fprintf(file, "%-48s%-10zu`\n%s%s", "//", names_size, names, names_size % 2 ? "\n" : "");
  size_t offset = 0;
  for (int i = 1; i < count; i++) {
    size_t size;
    char *text = slurp(arguments[i], &size);
    if (!text) die("cannot read", arguments[i]);
    char name[24];
    snprintf(name, sizeof name, "/%zu", offset);
    fprintf(file, "%-16s%-12d%-6d%-6d%-8o%-10zu`\n", name, 0, 0, 0, 0644u, size);
    fwrite(text, 1, size, file);
    if (size % 2) fputc('\n', file);
    offset = (size_t)(strchr(names + offset, '\n') + 1 - names);
    free(text);
  }
  if (fclose(file)) die("cannot write", output);
  return 0;
}

/* Puts the words of each @file in its place. */
static int expand(int count, char **words, char ***result) {
  char **all = NULL;
  size_t have = 0, room = 0;
  for (int i = 0; i < count; i++) {
    size_t size;
    char *text = i && words[i][0] == '@' ? slurp(words[i] + 1, &size) : NULL;
    char *rest = text, *word = text ? strtok_r(text, " \t\n", &rest) : words[i];
    while (word) {
      if (have == room) all = realloc(all, (room = room * 2 + 64) * sizeof *all);
      size_t length = strlen(word);
      if (text && length > 1 && (*word == '"' || *word == '\'') && word[length - 1] == *word) {
        word[length - 1] = 0;
        word++;
      }
      all[have++] = word;
      word = text ? strtok_r(NULL, " \t\n", &rest) : NULL;
    }
  }
  *result = all;
  return (int)have;
}

static const char *after(const char *word, const char *head) {
  size_t length = strlen(head);
  return strncmp(word, head, length) ? NULL : word + length;
}

/* Answers what build systems ask a gcc; 0 if it is no question. */
static int answer(int count, char **words) {
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = 0;
  char here[4096];
  snprintf(here, sizeof here, "%s", self);
  *strrchr(here, '/') = 0;
  int preprocess = 0, verbose = 0, macros = 0;
  for (int i = 1; i < count; i++) {
    const char *word = words[i], *name;
    preprocess |= !strcmp(word, "-E");
    verbose |= !strcmp(word, "-v");
    macros |= !strcmp(word, "-dM");
    if (!strcmp(word, "-dumpmachine")) puts("x86_64-linux-gnu");
    else if (!strcmp(word, "-dumpversion")) puts("12");
    else if (!strcmp(word, "-dumpfullversion")) puts("12.2.0");
    else if (!strcmp(word, "-print-sysroot")) puts("");
    else if (!strcmp(word, "-print-multiarch")) puts("x86_64-linux-gnu");
    else if (!strcmp(word, "-print-multi-directory") || !strcmp(word, "-print-multi-os-directory")) puts(".");
    else if (!strcmp(word, "-dumpspecs")) puts("*asm:\n\n*cpp:\n");
    else if (!strcmp(word, "--version")) puts("GNU ld (stand-in, which is gcc 12.2.0 too) 2.40");
    else if (!strcmp(word, "--verbose")) printf("using internal linker script:\nSEARCH_DIR(\"%s\");\n", here);
    else if (after(word, "-print-prog-name=")) puts(self);
    else if ((name = after(word, "-print-file-name="))) puts(name);
    else if (!strcmp(word, "-print-libgcc-file-name")) puts("libgcc.a");
    else if (!strcmp(word, "-print-search-dirs"))
      printf("install: %s/\nprograms: =%s/\nlibraries: =%s/\n", here, here, here);
    else continue;
    return 1;
  }
  if (macros) {
    puts("#define __GNUC__ 12\n#define __GNUC_MINOR__ 2\n#define __GNUC_PATCHLEVEL__ 0\n#define __STDC__ 1");
    puts("#define __x86_64__ 1\n#define __linux__ 1\n#define __ELF__ 1\n#define __VERSION__ \"12.2.0\"");
    return 1;
  }
  if (verbose) {
    fprintf(stderr, "Target: x86_64-linux-gnu\ngcc version 12.2.0 (stand-in)\n");
    fprintf(stderr, "#include \"...\" search starts here:\n#include <...> search starts here:\n");
    fprintf(stderr, " %s\nEnd of search list.\n", here);
    return 1;
  }
  return preprocess;
}

/* Whether the next word belongs to this option. */
static int takes_a_word(const char *word) {
  static const char *const with[] = {"-x", "-D", "-U", "-L", "-l", "-T", "-include",
                                     "-imacros", "-aux-info", "--param", "-Xpreprocessor", "-z"};
  for (size_t i = 0; i < sizeof with / sizeof *with; i++)
    if (!strcmp(word, with[i])) return 1;
  return 0;
}

/* What the command line asks for. */
static struct {
  const char *output, *depfile, *target, *link_depfile, *assembler_depfile;
  char **inputs;
  int compile, depend, trace, input_count;
} asked = {.output = "a.out"};

static void add_dir(const char *dir) {
  if (dir_count == MOST_DIRS) die("too many include directories", dir);
  dirs[dir_count++] = dir;
}

/* Takes one word in; `next` is the one behind it, or NULL. Answers how many words that were. */
static int parse(char *word, char *next) {
  static const char *const dependency_file[] = {"-Wl,--dependency-file=", "-Wl,--dependency-file,", "--dependency-file="};
  for (size_t i = 0; i < sizeof dependency_file / sizeof *dependency_file; i++)
    if (after(word, dependency_file[i])) return asked.link_depfile = after(word, dependency_file[i]), 1;
  if (!strcmp(word, "-Xlinker")) return 1; /* the next word is looked at by itself */
  if (!strcmp(word, "-c")) return asked.compile = 1;
  if (!strcmp(word, "-MD") || !strcmp(word, "-MMD")) return asked.depend = 1;
  if (!strcmp(word, "-Wl,-t") || !strcmp(word, "-Wl,--trace")) return asked.trace = 1;
  if (next && !strcmp(word, "-o")) return asked.output = next, 2;
  if (next && !strcmp(word, "-MF")) return asked.depfile = next, 2;
  if (next && (!strcmp(word, "-MT") || !strcmp(word, "-MQ"))) return asked.target = next, 2;
  if (next && (!strcmp(word, "-I") || !strcmp(word, "-iquote") || !strcmp(word, "-isystem"))) return add_dir(next), 2;
  if (after(word, "-I")) return add_dir(word + 2), 1;
  if (next && !strcmp(word, "-Xassembler")) {
    static int names_file;
    if (names_file) asked.assembler_depfile = next;
    names_file = !strcmp(next, "--MD");
    return 2;
  }
  if (takes_a_word(word)) return 2;
  if (word[0] != '-') return asked.inputs[asked.input_count++] = word, 1;
  if (after(word, "-D") || after(word, "-O")) mix(word, strlen(word));
  return 1;
}

static void read_inputs(void) {
  for (int i = 0; i < asked.input_count; i++) {
    size_t size;
    char *path = asked.inputs[i], *text = slurp(path, &size);
    if (!text) die("cannot read", path);
    if (asked.compile) {
      take(path, text, size);
      continue;
    }
    mix(text, size);
    if (file_count == MOST_FILES) die("too many files", path);
    files[file_count++] = path;
    if (asked.trace) puts(path);
    free(text);
  }
}

/* As GNU as does: the object, and the last component of the source. */
static void put_assembler_depfile(const char *path) {
  const char *source = asked.inputs[0], *base = strrchr(source, '/');
  FILE *file = fopen(path, "w");
  if (!file) die("cannot write", path);
  fprintf(file, "%s: %s\n", asked.output, base ? base + 1 : source);
  if (fclose(file)) die("cannot write", path);
}

int main(int count, char **words) {
  count = expand(count, words, &words);
  const char *name = strrchr(words[0], '/');
  name = name ? name + 1 : words[0];
  size_t length = strlen(name);
  if (length >= 2 && !strcmp(name + length - 2, "ar")) {
    if (count > 1 && !strcmp(words[1], "--version")) return puts("GNU ar (stand-in) 2.40") < 0;
    if (count < 3) die("which archive?", name);
    return archive(count - 2, words + 2);
  }
  if (answer(count, words)) return 0;
  asked.inputs = calloc((size_t)count, sizeof *asked.inputs);
  for (int i = 1; i < count;) i += parse(words[i], i + 1 < count ? words[i + 1] : NULL);
  if (!asked.input_count) die("no input files", name);
  read_inputs();
  char beside[4096];
  if (asked.compile && asked.depend && !asked.depfile) {
    const char *dot = strrchr(asked.output, '.');
    int stem = dot ? (int)(dot - asked.output) : (int)strlen(asked.output);
    snprintf(beside, sizeof beside, "%.*s.d", stem, asked.output);
    asked.depfile = beside;
  }
  put_result(asked.output, asked.compile ? 0644 : 0755);
  if (asked.compile && asked.depfile) put_depfile(asked.depfile, asked.target ? asked.target : asked.output);
  if (asked.compile && asked.assembler_depfile) put_assembler_depfile(asked.assembler_depfile);
  if (!asked.compile && asked.link_depfile) put_depfile(asked.link_depfile, asked.output);
  return 0;
}
