/* Compresses and decompresses files: `zstd-run compress IN OUT [LEVEL]`, `zstd-run decompress IN OUT`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zstd.h"

static void *read_all(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) return NULL;
  *size = (size_t)ftell(file);
  rewind(file);
  void *bytes = malloc(*size + 1);
  if (bytes && fread(bytes, 1, *size, file) != *size) bytes = NULL;
  fclose(file);
  return bytes;
}

static int write_all(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (!file) return 0;
  size_t written = fwrite(bytes, 1, size, file);
  return !fclose(file) && written == size;
}

int main(int count, char **words) {
  int compress = count > 1 && !strcmp(words[1], "compress");
  if (count < 4 || (!compress && strcmp(words[1], "decompress"))) {
    fprintf(stderr, "usage: zstd-run compress IN OUT [LEVEL] | zstd-run decompress IN OUT\n");
    return 2;
  }
  size_t size;
  void *input = read_all(words[2], &size);
  if (!input) {
    perror(words[2]);
    return 1;
  }
  unsigned long long room = compress ? ZSTD_compressBound(size) : ZSTD_getFrameContentSize(input, size);
  if (room == ZSTD_CONTENTSIZE_ERROR || room == ZSTD_CONTENTSIZE_UNKNOWN) {
    fprintf(stderr, "%s: not of zstd\n", words[2]);
    return 1;
  }
  void *output = malloc(room + 1);
  size_t have = compress ? ZSTD_compress(output, room, input, size, count > 4 ? atoi(words[4]) : 3)
                         : ZSTD_decompress(output, room, input, size);
  if (ZSTD_isError(have)) {
    fprintf(stderr, "%s: %s\n", words[2], ZSTD_getErrorName(have));
    return 1;
  }
  if (!write_all(words[3], output, have)) {
    perror(words[3]);
    return 1;
  }
  printf("%zu -> %zu\n", size, have);
  return 0;
}
