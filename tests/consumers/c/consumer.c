/* A C program of somebody else. */
#include <errno.h>
#include <mappedpages.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                           \
  do {                                                                        \
    if (!(what)) {                                                            \
      fprintf(stderr, "line %d: not so: %s (%s)\n", __LINE__, #what,          \
              mappedpages_last_error());                                      \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

static void count_problem(void* user, const char* code, int severity, const char* where,
                          const char* detail) {
  (void)code, (void)severity, (void)where, (void)detail;
  ++*(int*)user;
}

static void good_path(const char* path, uint64_t* page, uint64_t* number) {
  mappedpages_file* file;
  mappedpages_writer* writer;
  mappedpages_batch* batch;
  struct mappedpages_counts counts;
  unsigned char bytes[1024];
  uint64_t many[5];
  void* place;
  CHECK(mappedpages_create(path, 1024, 4) == 0);
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_page_size(file) == sizeof bytes);
  CHECK(mappedpages_alloc(file, 1, page) == 0);
  CHECK(mappedpages_alloc(file, 5, many) == 0);
  CHECK(mappedpages_free(file, many, 5) == 0);
  CHECK(mappedpages_alloc_protected(file, 1, number) == 0);
  memset(bytes, 7, sizeof bytes);
  CHECK(mappedpages_write(file, *page, 0, bytes, sizeof bytes) == 0);
  CHECK(mappedpages_flush(file, *page) == 0);
  CHECK(mappedpages_write_protected(file, *number, bytes) == 0);
  CHECK(mappedpages_writer_open(file, *number, &writer) == 0);
  memset(mappedpages_writer_bytes(writer), 8, 10);
  CHECK(mappedpages_writer_commit(writer) == 0);
  mappedpages_writer_close(writer);
  CHECK(mappedpages_batch_begin(file, &batch) == 0);
  CHECK(mappedpages_batch_alloc(batch, 2, many) == 0);
  CHECK(mappedpages_batch_fill(batch, many[0], &place) == 0);
  memset(place, 9, sizeof bytes);
  CHECK(mappedpages_batch_edit(batch, *number, &place) == 0);
  ((unsigned char*)place)[20] = 10;
  CHECK(mappedpages_batch_commit(batch) == 0);
  mappedpages_batch_drop(batch);
  CHECK(mappedpages_view_mut(file, many[0], &place) == 0);
  CHECK(((unsigned char*)place)[1023] == 9);
  CHECK(mappedpages_count(file, &counts) == 0);
  CHECK(counts.regular == 3 && counts.protected_pages == 1);
  CHECK(mappedpages_pin(file, *page) == 0);
  CHECK(mappedpages_free(file, page, 1) == -EBUSY);
  CHECK(mappedpages_unpin(file, *page) == 0);
  CHECK(mappedpages_close(file) == 0);
}

static void reopened(const char* path, uint64_t page, uint64_t number) {
  mappedpages_file* file;
  unsigned char bytes[1024];
  uint64_t generation;
  uint64_t found;
  CHECK(mappedpages_open(path, MAPPEDPAGES_READ_ONLY, 0, &file) == 0);
  CHECK(mappedpages_read(file, page, 1000, bytes, 24) == 0);
  CHECK(bytes[23] == 7);
  CHECK(mappedpages_read_protected(file, number, bytes, &generation) == 0);
  CHECK(bytes[0] == 8 && bytes[20] == 10 && bytes[21] == 7 && generation == 3);
  CHECK(mappedpages_next_page(file, 0, &found) == 0 && found == page);
  CHECK(mappedpages_next_protected(file, number + 1, &found) == -ENOENT);
  CHECK(mappedpages_use_of(file, 0) == MAPPEDPAGES_RESERVED);
  CHECK(mappedpages_alloc(file, 1, &found) == -EROFS);
  CHECK(mappedpages_close(file) == 0);
}

static void bad_path(const char* path) {
  mappedpages_file* file;
  mappedpages_file* second;
  uint64_t page = 0;
  uint64_t huge = UINT64_MAX;
  uint64_t doubled[2];
  char byte;
  int problems = 0;
  int ok;
  CHECK(mappedpages_create(path, 1024, 4) == -EEXIST);
  CHECK(mappedpages_create("/nowhere/at/all", 1024, 4) == -ENOENT);
  CHECK(mappedpages_create("other", 1000, 4) == -EINVAL);
  CHECK(mappedpages_open("other", 0, 0, &file) == -ENOENT);
  CHECK(file == NULL && strlen(mappedpages_last_error()) > 0);
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_open(path, 0, 0, &second) == -EAGAIN);
  CHECK(mappedpages_free(file, &page, 1) == -EBUSY);
  CHECK(mappedpages_free(file, &huge, 1) == -EINVAL);
  CHECK(mappedpages_free_protected(file, &huge, 1) == -ENOENT);
  CHECK(mappedpages_read(file, huge, 0, &byte, 1) == -EINVAL);
  CHECK(mappedpages_read(file, 7000, 0, &byte, 1) == -ENOENT);
  CHECK(mappedpages_alloc(file, UINT64_MAX, &page) == -ENOSPC);
  CHECK(mappedpages_alloc(file, 0, NULL) == 0);
  CHECK(mappedpages_alloc(file, 1, doubled) == 0);
  doubled[1] = doubled[0];
  CHECK(mappedpages_free(file, doubled, 2) == -ENOENT);
  CHECK(mappedpages_use_of(file, doubled[0]) == MAPPEDPAGES_REGULAR);
  CHECK(mappedpages_latched(file) == 0);
  CHECK(mappedpages_close(file) == 0);
  CHECK(mappedpages_close(NULL) == 0);
  CHECK(mappedpages_check(path, count_problem, &problems, &ok) == 0);
  CHECK(ok == 1 && problems == 0);
}

static void damaged(const char* path) {
  mappedpages_file* file;
  int problems = 0;
  int ok = 1;
  FILE* raw = fopen(path, "r+b");
  CHECK(raw != NULL);
  CHECK(fseek(raw, 1024 + 20, SEEK_SET) == 0);
  CHECK(fputc(0x55, raw) != EOF);
  CHECK(fseek(raw, 2048 + 20, SEEK_SET) == 0);
  CHECK(fputc(0x55, raw) != EOF);
  CHECK(fclose(raw) == 0);
  CHECK(mappedpages_open(path, 0, 0, &file) == -EIO);
  CHECK(mappedpages_check(path, count_problem, &problems, &ok) == 0);
  CHECK(ok == 0 && problems > 0);
}

int main(int argc, char** argv) {
  uint64_t page;
  uint64_t number;
  CHECK(argc == 2);
  good_path(argv[1], &page, &number);
  reopened(argv[1], page, number);
  bad_path(argv[1]);
  damaged(argv[1]);
  return 0;
}
