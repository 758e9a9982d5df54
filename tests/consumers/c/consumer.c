/* A C program of somebody else. usage: consumer NEW_FILE NEW_COPY */
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

static void pins(const char* path) {
  mappedpages_file* file;
  uint64_t page;
  uint64_t next;
  uint64_t number;
  char byte = 3;
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_alloc(file, 1, &page) == 0);
  CHECK(mappedpages_alloc_protected(file, 1, &number) == 0);
  CHECK(mappedpages_is_pinned(file, page) == 0);
  CHECK(mappedpages_unpin(file, page) == -ENOENT);
  CHECK(mappedpages_pin(file, page) == 0);
  CHECK(mappedpages_pin(file, page) == 0);
  CHECK(mappedpages_is_pinned(file, page) == 1);
  CHECK(mappedpages_unpin(file, page) == 0);
  CHECK(mappedpages_free(file, &page, 1) == -EBUSY);
  CHECK(mappedpages_free_when_unpinned(file, page) == 0);
  CHECK(mappedpages_use_of(file, page) == MAPPEDPAGES_FREE);
  CHECK(mappedpages_write(file, page, 0, &byte, 1) == 0);
  CHECK(mappedpages_alloc_at(file, page) == -EBUSY);
  CHECK(mappedpages_unpin(file, page) == 0);
  CHECK(mappedpages_alloc_at(file, page) == 0);
  CHECK(mappedpages_read(file, page, 0, &byte, 1) == 0 && byte == 0);
  CHECK(mappedpages_alloc_at(file, page) == -EEXIST);
  CHECK(mappedpages_free(file, &page, 1) == 0);
  CHECK(mappedpages_pin(file, page) == -ENOENT);

  CHECK(mappedpages_is_pinned_protected(file, number) == 0);
  CHECK(mappedpages_pin_protected(file, number) == 0);
  CHECK(mappedpages_is_pinned_protected(file, number) == 1);
  CHECK(mappedpages_free_protected(file, &number, 1) == -EBUSY);
  CHECK(mappedpages_free_protected_when_unpinned(file, number) == 0);
  CHECK(mappedpages_alloc_protected(file, 1, &next) == 0 && next != number);
  CHECK(mappedpages_free_protected(file, &next, 1) == 0);
  CHECK(mappedpages_unpin_protected(file, number) == 0);
  CHECK(mappedpages_unpin_protected(file, number) == -ENOENT);
  /* A pin that is left over does not outlive the file. */
  CHECK(mappedpages_next_page(file, 0, &page) == 0);
  CHECK(mappedpages_pin(file, page) == 0);
  CHECK(mappedpages_close(file) == 0);
}

/* Two changes that meet: one is told so, and changes nothing. */
static void meetings(const char* path, uint64_t number) {
  mappedpages_file* file;
  mappedpages_writer* writer;
  mappedpages_writer* second;
  mappedpages_batch* batch;
  unsigned char before[1024];
  unsigned char after[1024];
  uint64_t freed;
  void* place;
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_read_protected(file, number, before, NULL) == 0);
  CHECK(mappedpages_writer_open(file, number, &writer) == 0);
  CHECK(memcmp(mappedpages_writer_bytes(writer), before, sizeof before) == 0);
  CHECK(mappedpages_writer_open(file, number, &second) == -EBUSY && second == NULL);
  CHECK(mappedpages_write_protected(file, number, before) == -EBUSY);
  memset(mappedpages_writer_bytes(writer), 99, sizeof before);
  mappedpages_writer_close(writer); /* discards */
  CHECK(mappedpages_batch_begin(file, &batch) == 0);
  CHECK(mappedpages_batch_edit(batch, number, &place) == 0);
  memset(place, 98, sizeof before);
  CHECK(mappedpages_write_protected(file, number, before) == 0);
  CHECK(mappedpages_batch_commit(batch) == -EAGAIN);
  mappedpages_batch_drop(batch);
  CHECK(mappedpages_read_protected(file, number, after, NULL) == 0);
  CHECK(memcmp(before, after, sizeof before) == 0);
  CHECK(mappedpages_alloc_protected(file, 1, &freed) == 0);
  CHECK(mappedpages_writer_open(file, freed, &writer) == 0);
  CHECK(mappedpages_free_protected(file, &freed, 1) == 0);
  CHECK(mappedpages_writer_commit(writer) == -ENOENT);
  mappedpages_writer_close(writer);
  CHECK(mappedpages_close(file) == 0);
}

static void snapshot(const char* path, const char* copy, uint64_t number) {
  mappedpages_file* file;
  unsigned char original[1024];
  unsigned char copied[1024];
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_read_protected(file, number, original, NULL) == 0);
  CHECK(mappedpages_snapshot(file, copy) == 0);
  CHECK(mappedpages_snapshot(file, copy) == -EEXIST);
  CHECK(mappedpages_close(file) == 0);
  CHECK(mappedpages_open(copy, MAPPEDPAGES_READ_ONLY, 0, &file) == 0);
  CHECK(mappedpages_read_protected(file, number, copied, NULL) == 0);
  CHECK(memcmp(original, copied, sizeof original) == 0);
  CHECK(mappedpages_close(file) == 0);
  CHECK(remove(copy) == 0);
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
  void* place;
  char byte = 0;
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
  CHECK(mappedpages_read(file, 1, 0, &byte, 1) == -EBUSY);
  CHECK(mappedpages_view_mut(file, 2, &place) == -EBUSY && place == NULL);
  CHECK(mappedpages_pin(file, huge) == -EINVAL);
  CHECK(mappedpages_pin_protected(file, huge) == -ENOENT);
  CHECK(mappedpages_alloc_at(file, huge) == -ENOSPC);
  CHECK(mappedpages_page_offset(file, huge, &page) == -EINVAL && page == 0);
  CHECK(mappedpages_page_offset(file, 3, &page) == 0 && page == 3 * 1024);
  page = 0;
  CHECK(mappedpages_use_of(file, huge) == MAPPEDPAGES_OUT_OF_BOUNDS);
  CHECK(mappedpages_read_protected(file, huge, &byte, NULL) == -ENOENT);
  CHECK(mappedpages_alloc(file, UINT64_MAX, &page) == -ENOSPC);
  CHECK(mappedpages_alloc(file, 0, NULL) == 0);
  CHECK(mappedpages_alloc(file, 1, doubled) == 0);
  doubled[1] = doubled[0];
  CHECK(mappedpages_free(file, doubled, 2) == -ENOENT);
  /* More than there can be: refused before it reads past the array. */
  CHECK(mappedpages_free(file, doubled, UINT64_MAX) == -EINVAL);
  CHECK(mappedpages_free_protected(file, doubled, UINT64_MAX / 8) == -EINVAL);
  CHECK(mappedpages_use_of(file, doubled[0]) == MAPPEDPAGES_REGULAR);
  CHECK(mappedpages_write(file, doubled[0], 1024, &byte, 1) == -EINVAL);
  CHECK(mappedpages_write(file, doubled[0], UINT64_MAX, &byte, 1) == -EINVAL);
  CHECK(mappedpages_free(file, doubled, 1) == 0);
  CHECK(mappedpages_free(file, doubled, 1) == -ENOENT);
  CHECK(mappedpages_latched(file) == 0);
  CHECK(mappedpages_close(file) == 0);
  CHECK(mappedpages_close(NULL) == 0);
  CHECK(mappedpages_check(path, count_problem, &problems, &ok) == 0);
  CHECK(ok == 1 && problems == 0);
}

/* A write that has to end all writing: somebody else has written to the file. */
static void latched(const char* path) {
  mappedpages_file* file;
  uint64_t page;
  uint64_t first;
  char byte;
  char mark;
  FILE* raw;
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_next_page(file, 0, &first) == 0);
  CHECK(mappedpages_latched(file) == 0);
  raw = fopen(path, "r+b");
  CHECK(raw != NULL);
  CHECK(fread(&mark, 1, 1, raw) == 1);
  CHECK(fseek(raw, 0, SEEK_SET) == 0 && fputc(mark ^ 1, raw) != EOF && fflush(raw) == 0);
  CHECK(mappedpages_alloc(file, 1, &page) == -EIO);
  CHECK(mappedpages_latched(file) == -EIO && strlen(mappedpages_last_error()) > 0);
  CHECK(mappedpages_alloc(file, 1, &page) == -EROFS);
  CHECK(mappedpages_alloc_protected(file, 1, &page) == -EROFS);
  CHECK(mappedpages_read(file, first, 0, &byte, 1) == 0);
  CHECK(mappedpages_close(file) == 0);
  CHECK(fseek(raw, 0, SEEK_SET) == 0 && fputc(mark, raw) != EOF && fclose(raw) == 0);
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_alloc(file, 1, &page) == 0);
  CHECK(mappedpages_close(file) == 0);
}

static void null_pointers(const char* path) {
  mappedpages_file* file;
  mappedpages_batch* batch;
  int ok;
  CHECK(mappedpages_create(NULL, 1024, 4) == -EINVAL);
  CHECK(mappedpages_open(NULL, 0, 0, &file) == -EINVAL && file == NULL);
  CHECK(mappedpages_open(path, 0, 0, NULL) == -EINVAL);
  CHECK(mappedpages_open(path, 8, 0, &file) == -EINVAL && file == NULL);
  CHECK(mappedpages_check(NULL, NULL, NULL, &ok) == -EINVAL);
  CHECK(mappedpages_check(path, NULL, NULL, NULL) == -EINVAL);
  CHECK(mappedpages_page_size(NULL) == 0);
  CHECK(mappedpages_use_of(NULL, 3) == MAPPEDPAGES_OUT_OF_BOUNDS);
  CHECK(mappedpages_is_pinned(NULL, 3) == -EINVAL);
  CHECK(mappedpages_alloc(NULL, 0, NULL) == -EINVAL);
  CHECK(mappedpages_writer_bytes(NULL) == NULL);
  CHECK(mappedpages_writer_commit(NULL) == -EINVAL);
  CHECK(mappedpages_batch_commit(NULL) == -EINVAL);
  mappedpages_writer_close(NULL);
  mappedpages_batch_drop(NULL);
  CHECK(mappedpages_open(path, 0, 0, &file) == 0);
  CHECK(mappedpages_count(file, NULL) == -EINVAL);
  CHECK(mappedpages_alloc(file, 1, NULL) == -EINVAL);
  CHECK(mappedpages_free(file, NULL, 1) == -EINVAL);
  CHECK(mappedpages_free(file, NULL, 0) == 0);
  CHECK(mappedpages_read(file, 3, 0, NULL, 1) == -EINVAL);
  CHECK(mappedpages_write_protected(file, 0, NULL) == -EINVAL);
  CHECK(mappedpages_view(file, 3, NULL) == -EINVAL);
  CHECK(mappedpages_snapshot(file, NULL) == -EINVAL);
  CHECK(mappedpages_batch_begin(file, &batch) == 0);
  CHECK(mappedpages_batch_edit(batch, 0, NULL) == -EINVAL);
  CHECK(mappedpages_batch_alloc(batch, 1, NULL) == -EINVAL);
  mappedpages_batch_drop(batch);
  CHECK(mappedpages_close(file) == 0);
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
  CHECK(argc == 3);
  good_path(argv[1], &page, &number);
  reopened(argv[1], page, number);
  pins(argv[1]);
  meetings(argv[1], number);
  snapshot(argv[1], argv[2], number);
  bad_path(argv[1]);
  null_pointers(argv[1]);
  latched(argv[1]);
  damaged(argv[1]);
  return 0;
}
