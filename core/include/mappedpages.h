/* mappedpages for C, and for every language that can call C.
 *
 * A pager file hands out pages of one size from one file; some of them, the protected ones, change
 * atomically. What allocates, frees or commits is durable when it returns 0, and after any crash it
 * has happened wholly or not at all. See core/DESIGN.md.
 *
 * Results: 0, or the negative of an errno:
 *   -EINVAL    a value that the call does not accept; a file that is no pager file
 *   -ENOENT    a page that is not allocated; a double free; no such file; nothing more to find
 *   -EBUSY     a reserved or internal page; a pinned page; a page that has a writer
 *   -EEXIST    a file or page that is there already
 *   -ENOSPC    the file can have no more pages, or the disk is full
 *   -EROFS     opened read-only, or read-only since a failed write
 *   -EAGAIN    locked by another process; a batch that met another commit
 *   -ENOMEM    out of memory
 *   -EIO       damaged, or the disk failed
 * and whatever the system answered. `mappedpages_last_error` says it in words. No C++ exception
 * leaves a call.
 *
 * Threads: a `mappedpages_file` may be used by any number of threads at once. Writers and batches are
 * used by one thread at a time. Close writers, batches and pins before the file.
 *
 * Sizes and offsets are bytes. Page buffers are `mappedpages_page_size` bytes.
 */
#ifndef MAPPEDPAGES_H
#define MAPPEDPAGES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MAPPEDPAGES_C_API __attribute__((visibility("default")))
#else
#define MAPPEDPAGES_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mappedpages_file mappedpages_file;     /* an open file */
typedef struct mappedpages_writer mappedpages_writer; /* the next content of a protected page */
typedef struct mappedpages_batch mappedpages_batch;   /* many changes in one commit */

/* "0.1.0" */
MAPPEDPAGES_C_API const char* mappedpages_version(void);

/* Why the last call of this thread that failed did so: a line of text, valid until the thread's next
 * call. "" before the first failure. */
MAPPEDPAGES_C_API const char* mappedpages_last_error(void);

/* --- Files */

/* Makes a new file of `pages` pages (at least 4), durably; a crash leaves all of it or nothing.
 * page_size: a power of two from 1024 to 16777216. -EEXIST if there is a file. */
MAPPEDPAGES_C_API int mappedpages_create(const char* path, uint64_t page_size, uint64_t pages);

enum {
  MAPPEDPAGES_READ_ONLY = 1, /* several processes at once; damage that can be read around is served */
  MAPPEDPAGES_RECOVER = 2,   /* open a damaged file for writing through the copies that are left */
  MAPPEDPAGES_NO_SYNC = 4    /* no flushes: for files that may be lost */
};

/* Opens and locks a file and recovers it from whatever a crash left. Waits up to `lock_wait_ms`
 * milliseconds for another process. On success *out is to be closed. */
MAPPEDPAGES_C_API int mappedpages_open(const char* path, unsigned flags, unsigned lock_wait_ms,
                                       mappedpages_file** out);

/* Flushes plain pages and closes. The handle is gone whatever it returns. NULL is allowed. */
MAPPEDPAGES_C_API int mappedpages_close(mappedpages_file* file);

/* Told of each problem of `mappedpages_check`. severity: 0 note, 1 warning, 2 error. */
typedef void (*mappedpages_problem)(void* user, const char* code, int severity, const char* where,
                                    const char* detail);

/* Verifies everything that the file claims and changes nothing. *ok is 1 if no problem is an error.
 * An error only where the file could not be read. `each` may be NULL. */
MAPPEDPAGES_C_API int mappedpages_check(const char* path, mappedpages_problem each, void* user,
                                        int* ok);

/* A consistent copy in a new file, under the same numbers; commits go on meanwhile. */
MAPPEDPAGES_C_API int mappedpages_snapshot(const mappedpages_file* file, const char* target);

/* --- Facts */

struct mappedpages_counts {
  uint64_t total;           /* pages that the file has */
  uint64_t free;            /* of those, not allocated */
  uint64_t regular;         /* plain pages */
  uint64_t protected_pages; /* protected pages; each takes two */
  uint64_t capacity;        /* the most pages that the file can have */
  uint64_t generation;      /* of the last commit */
};

MAPPEDPAGES_C_API uint64_t mappedpages_page_size(const mappedpages_file* file);
MAPPEDPAGES_C_API int mappedpages_count(const mappedpages_file* file, struct mappedpages_counts* out);

/* Why nothing can be written any more: 0 while writing works. */
MAPPEDPAGES_C_API int mappedpages_latched(const mappedpages_file* file);

enum mappedpages_use {
  MAPPEDPAGES_FREE = 0,
  MAPPEDPAGES_REGULAR = 1,
  MAPPEDPAGES_INTERNAL = 2,
  MAPPEDPAGES_RESERVED = 3,
  MAPPEDPAGES_OUT_OF_BOUNDS = 4
};
MAPPEDPAGES_C_API enum mappedpages_use mappedpages_use_of(const mappedpages_file* file, uint64_t page);

/* Where a page begins in the file. -EINVAL beyond the capacity. */
MAPPEDPAGES_C_API int mappedpages_page_offset(const mappedpages_file* file, uint64_t page,
                                              uint64_t* out);

/* The first allocated page at or after `from`; -ENOENT if there is none. */
MAPPEDPAGES_C_API int mappedpages_next_page(const mappedpages_file* file, uint64_t from, uint64_t* out);
MAPPEDPAGES_C_API int mappedpages_next_protected(const mappedpages_file* file, uint64_t from,
                                                 uint64_t* out);

/* --- Allocation: durable on return; new pages read as zeros; all `count` or none */

MAPPEDPAGES_C_API int mappedpages_alloc(mappedpages_file* file, uint64_t count, uint64_t* pages);
MAPPEDPAGES_C_API int mappedpages_alloc_at(mappedpages_file* file, uint64_t page);
MAPPEDPAGES_C_API int mappedpages_free(mappedpages_file* file, const uint64_t* pages, uint64_t count);
MAPPEDPAGES_C_API int mappedpages_alloc_protected(mappedpages_file* file, uint64_t count,
                                                  uint64_t* numbers);
MAPPEDPAGES_C_API int mappedpages_free_protected(mappedpages_file* file, const uint64_t* numbers,
                                                 uint64_t count);

/* Freed now, and given out again after the last unpin. */
MAPPEDPAGES_C_API int mappedpages_free_when_unpinned(mappedpages_file* file, uint64_t page);

/* Counted: a pinned page is not freed. */
MAPPEDPAGES_C_API int mappedpages_pin(mappedpages_file* file, uint64_t page);
MAPPEDPAGES_C_API int mappedpages_unpin(mappedpages_file* file, uint64_t page);

/* --- Plain pages */

MAPPEDPAGES_C_API int mappedpages_read(const mappedpages_file* file, uint64_t page, uint64_t offset,
                                       void* out, size_t size);
MAPPEDPAGES_C_API int mappedpages_write(mappedpages_file* file, uint64_t page, uint64_t offset,
                                        const void* bytes, size_t size);

/* Makes what was written to the page, or to all, durable. */
MAPPEDPAGES_C_API int mappedpages_flush(mappedpages_file* file, uint64_t page);
MAPPEDPAGES_C_API int mappedpages_flush_all(mappedpages_file* file);

/* The page in memory, valid until the file is closed, however it grows. Stores are durable after a
 * flush. */
MAPPEDPAGES_C_API int mappedpages_view(const mappedpages_file* file, uint64_t page, const void** out);
MAPPEDPAGES_C_API int mappedpages_view_mut(mappedpages_file* file, uint64_t page, void** out);

/* --- Protected pages */

/* The committed content, one whole page, verified. *generation (or NULL): commits of this page. */
MAPPEDPAGES_C_API int mappedpages_read_protected(const mappedpages_file* file, uint64_t number, void* out,
                                                 uint64_t* generation);

/* Replaces the content by one whole page: atomic, and durable on return. */
MAPPEDPAGES_C_API int mappedpages_write_protected(mappedpages_file* file, uint64_t number,
                                                  const void* bytes);

/* The same in place: the writer starts from the committed content, and is the page's only one. */
MAPPEDPAGES_C_API int mappedpages_writer_open(mappedpages_file* file, uint64_t number,
                                              mappedpages_writer** out);
MAPPEDPAGES_C_API void* mappedpages_writer_bytes(mappedpages_writer* writer);
MAPPEDPAGES_C_API int mappedpages_writer_commit(mappedpages_writer* writer);

/* What was not committed is discarded. NULL is allowed. */
MAPPEDPAGES_C_API void mappedpages_writer_close(mappedpages_writer* writer);

/* --- Batches: many changes in one atomic commit */

MAPPEDPAGES_C_API int mappedpages_batch_begin(mappedpages_file* file, mappedpages_batch** out);

/* Numbers are reserved at once, and go back if the batch is dropped. */
MAPPEDPAGES_C_API int mappedpages_batch_alloc(mappedpages_batch* batch, uint64_t count,
                                              uint64_t* pages);
MAPPEDPAGES_C_API int mappedpages_batch_alloc_protected(mappedpages_batch* batch, uint64_t count,
                                                        uint64_t* numbers);
MAPPEDPAGES_C_API int mappedpages_batch_free(mappedpages_batch* batch, uint64_t page);
MAPPEDPAGES_C_API int mappedpages_batch_free_protected(mappedpages_batch* batch, uint64_t number);

/* The next content of a protected page, to be changed in place until the batch is committed. */
MAPPEDPAGES_C_API int mappedpages_batch_edit(mappedpages_batch* batch, uint64_t number, void** out);

/* The first content of a plain page that this batch allocated. */
MAPPEDPAGES_C_API int mappedpages_batch_fill(mappedpages_batch* batch, uint64_t page, void** out);

/* -EAGAIN: another commit changed a page of this batch; drop it and start anew. After success it is
 * empty and can be used again. */
MAPPEDPAGES_C_API int mappedpages_batch_commit(mappedpages_batch* batch);

/* NULL is allowed. */
MAPPEDPAGES_C_API void mappedpages_batch_drop(mappedpages_batch* batch);

#ifdef __cplusplus
}
#endif

#endif
