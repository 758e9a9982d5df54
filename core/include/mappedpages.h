/* mappedpages for C, and for every language that can call C.
 *
 * A pager file hands out pages of one size from one file; some of them, the protected ones, change
 * atomically. What allocates, frees or commits is durable when it returns 0, and after any crash it
 * has happened wholly or not at all. Bytes of plain pages are durable after a flush. See
 * core/DESIGN.md.
 *
 * Results: 0, or the negative of an errno:
 *   -EINVAL    a value that the call does not accept: a null pointer, a flag that is not known, a
 *              number beyond the capacity, bytes past the end of a page; a file that is no pager
 *              file or is of a version that is not known
 *   -ENOENT    a page that is not allocated; a double free; no such file; nothing more to find
 *   -EBUSY     a reserved or internal page; a pinned page; a page that has a writer
 *   -EEXIST    a file or page that is there already
 *   -ENOSPC    the file can have no more pages, or the disk is full
 *   -EROFS     opened read-only, or read-only since a failed write
 *   -EAGAIN    locked by another process; a batch that met another commit
 *   -ENOMEM    out of memory
 *   -EIO       damaged, or the disk failed
 * and whatever the system answered. `mappedpages_last_error` says it in words. After an error
 * nothing of the call has happened; a handle or view that it was to give is NULL, and a buffer that
 * it was to fill may hold anything. No C++ exception leaves a call.
 *
 * Threads: a `mappedpages_file` may be used by any number of threads at once; threads that commit
 * at the same time share flushes. Writers and batches are used by one thread at a time. Close
 * writers and batches before their file; nothing may run or be called on a file after its close.
 *
 * A process that forks must not use in the child what the parent opened.
 *
 * Sizes and offsets are bytes. Whole page buffers are `mappedpages_page_size` bytes. Page numbers
 * count from the start of the file; the numbers of protected pages are names, and count apart.
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
#define MAPPEDPAGES_NOEXCEPT noexcept
extern "C" {
#else
#define MAPPEDPAGES_NOEXCEPT
#endif

typedef struct mappedpages_file mappedpages_file;     /* an open file */
typedef struct mappedpages_writer mappedpages_writer; /* the next content of a protected page */
typedef struct mappedpages_batch mappedpages_batch;   /* many changes in one commit */

/* "0.1.0", of the library that is loaded. */
MAPPEDPAGES_C_API const char* mappedpages_version(void) MAPPEDPAGES_NOEXCEPT;

/* Why the last call of this thread that failed did so: a line of text, valid until the thread's
 * next call, and its own. "" before the first failure. */
MAPPEDPAGES_C_API const char* mappedpages_last_error(void) MAPPEDPAGES_NOEXCEPT;

/* --- Files */

/* Makes a new file of `pages` pages (at least 4), mode 0600, durably; a crash leaves all of it or
 * nothing. page_size: a power of two from 1024 to 16777216. -EEXIST if there is a file; -EINVAL for
 * the sizes, also for more pages than a file of this page size can have. */
MAPPEDPAGES_C_API int mappedpages_create(const char* path, uint64_t page_size,
                                         uint64_t pages) MAPPEDPAGES_NOEXCEPT;

enum {
  MAPPEDPAGES_READ_ONLY = 1, /* several processes at once; damage that can be read around is served
                              */
  MAPPEDPAGES_RECOVER = 2,   /* open a damaged file for writing through the copies that are left */
  MAPPEDPAGES_NO_SYNC = 4    /* no flushes: nothing is durable. For files that may be lost */
};

/* Opens and locks a file and recovers it from whatever a crash left. `flags`: those above, added.
 * Waits up to `lock_wait_ms` milliseconds for another process, then -EAGAIN. -EIO if it is damaged;
 * `mappedpages_last_error` says whether MAPPEDPAGES_RECOVER would open it. -ENOENT; -EINVAL. On
 * success *out is to be closed. */
MAPPEDPAGES_C_API int mappedpages_open(const char* path, unsigned flags, unsigned lock_wait_ms,
                                       mappedpages_file** out) MAPPEDPAGES_NOEXCEPT;

/* Flushes plain pages, lets go of all pins, and closes. The handle, and every view, is gone
 * whatever it returns; an error is about bytes of plain pages that were not flushed before. NULL is
 * allowed. */
MAPPEDPAGES_C_API int mappedpages_close(mappedpages_file* file) MAPPEDPAGES_NOEXCEPT;

/* Told of each problem of `mappedpages_check`, on the thread that called it. `code` is stable and
 * for programs, `detail` a sentence for people; all texts are valid during the call alone.
 * severity: 0 note, 1 warning, 2 error. */
typedef void (*mappedpages_problem)(void* user, const char* code, int severity, const char* where,
                                    const char* detail);

/* Verifies everything that the file at `path` claims and changes nothing. *ok is 1 if no problem is
 * an error, 0 otherwise; damage is no failure of the call. A failure only where the file could not
 * be read: -ENOENT, -EAGAIN while somebody has it open for writing. `each` may be NULL. */
MAPPEDPAGES_C_API int mappedpages_check(const char* path, mappedpages_problem each, void* user,
                                        int* ok) MAPPEDPAGES_NOEXCEPT;

/* Makes a new file `target` with the pages of this moment under the same numbers: durable, all or
 * nothing. Commits go on meanwhile and are not in it; bytes of plain pages that are written
 * meanwhile are in it or not. -EEXIST; -ENOSPC. */
MAPPEDPAGES_C_API int mappedpages_snapshot(const mappedpages_file* file,
                                           const char* target) MAPPEDPAGES_NOEXCEPT;

/* --- Facts. They answer from memory, and wait for no disk. */

/* All from one committed state. */
struct mappedpages_counts {
  uint64_t total;           /* pages that the file has */
  uint64_t free;            /* of those, not allocated */
  uint64_t regular;         /* plain pages */
  uint64_t protected_pages; /* protected pages; each takes two */
  uint64_t capacity;        /* the most pages that the file can have */
  uint64_t generation;      /* of the last commit */
};

/* Bytes; it never changes. 0 for NULL. */
MAPPEDPAGES_C_API uint64_t mappedpages_page_size(const mappedpages_file* file) MAPPEDPAGES_NOEXCEPT;

/* Exact, in constant time. */
MAPPEDPAGES_C_API int mappedpages_count(const mappedpages_file* file,
                                        struct mappedpages_counts* out) MAPPEDPAGES_NOEXCEPT;

/* Whether a failed write or flush has ended all writing: 0 while writing works, otherwise the error
 * that did it, in words by `mappedpages_last_error`. Reads go on; opening the file again serves the
 * last durable state. */
MAPPEDPAGES_C_API int mappedpages_latched(const mappedpages_file* file) MAPPEDPAGES_NOEXCEPT;

enum mappedpages_use {
  MAPPEDPAGES_FREE = 0,         /* not allocated, whether the file is that long or not */
  MAPPEDPAGES_REGULAR = 1,      /* a plain page that was handed out */
  MAPPEDPAGES_INTERNAL = 2,     /* of the pager itself: the directory, copies of protected pages */
  MAPPEDPAGES_RESERVED = 3,     /* never handed out */
  MAPPEDPAGES_OUT_OF_BOUNDS = 4 /* beyond the capacity; also the answer for NULL */
};

/* What a page of the file is used for. Any number has an answer. */
MAPPEDPAGES_C_API enum mappedpages_use mappedpages_use_of(const mappedpages_file* file,
                                                          uint64_t page) MAPPEDPAGES_NOEXCEPT;

/* Where a page begins, in bytes from the start of the file. -EINVAL beyond the capacity. */
MAPPEDPAGES_C_API int mappedpages_page_offset(const mappedpages_file* file, uint64_t page,
                                              uint64_t* out) MAPPEDPAGES_NOEXCEPT;

/* The first allocated page at or after `from`; -ENOENT if there is none. Going on from *out + 1
 * visits every page that stays allocated meanwhile once, in ascending order. */
MAPPEDPAGES_C_API int mappedpages_next_page(const mappedpages_file* file, uint64_t from,
                                            uint64_t* out) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_next_protected(const mappedpages_file* file, uint64_t from,
                                                 uint64_t* out) MAPPEDPAGES_NOEXCEPT;

/* --- Allocation. Durable when it returns 0, in one commit for all `count`, or nothing happened. A
 * count of 0 does nothing, and its pointer may be NULL. -EROFS where nothing can be written. */

/* Allocates `count` plain pages and stores their numbers. They read as zeros. -ENOSPC. */
MAPPEDPAGES_C_API int mappedpages_alloc(mappedpages_file* file, uint64_t count,
                                        uint64_t* pages) MAPPEDPAGES_NOEXCEPT;

/* Allocates this plain page and no other; the file grows to hold it. -EEXIST if it is allocated;
 * -EBUSY if it is reserved, internal, or freed and still pinned; -ENOSPC beyond the capacity. */
MAPPEDPAGES_C_API int mappedpages_alloc_at(mappedpages_file* file,
                                           uint64_t page) MAPPEDPAGES_NOEXCEPT;

/* Frees plain pages. -ENOENT if one is not allocated or named twice; -EBUSY if one is pinned,
 * reserved or internal; -EINVAL beyond the capacity, or for a count that is. */
MAPPEDPAGES_C_API int mappedpages_free(mappedpages_file* file, const uint64_t* pages,
                                       uint64_t count) MAPPEDPAGES_NOEXCEPT;

/* The same for protected pages. New ones read as zeros. */
MAPPEDPAGES_C_API int mappedpages_alloc_protected(mappedpages_file* file, uint64_t count,
                                                  uint64_t* numbers) MAPPEDPAGES_NOEXCEPT;

/* -ENOENT if one is not allocated or named twice; -EBUSY if one is pinned. A writer does not keep a
 * page: its commits are -ENOENT then. */
MAPPEDPAGES_C_API int mappedpages_free_protected(mappedpages_file* file, const uint64_t* numbers,
                                                 uint64_t count) MAPPEDPAGES_NOEXCEPT;

/* Frees one page, durably, now, pinned or not. Its number is handed out again, and its bytes are
 * used again, only after the last unpin; reads and writes of it work until then. Errors as above,
 * but for the pins. */
MAPPEDPAGES_C_API int mappedpages_free_when_unpinned(mappedpages_file* file,
                                                     uint64_t page) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_free_protected_when_unpinned(
    mappedpages_file* file, uint64_t number) MAPPEDPAGES_NOEXCEPT;

/* --- Pins keep a page from being freed. They are counted, and in memory alone. */

/* One pin more. -ENOENT if the page is not allocated; for plain pages -EBUSY if it is reserved or
 * internal, -EINVAL beyond the capacity. */
MAPPEDPAGES_C_API int mappedpages_pin(mappedpages_file* file, uint64_t page) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_pin_protected(mappedpages_file* file,
                                                uint64_t number) MAPPEDPAGES_NOEXCEPT;

/* One pin less. -ENOENT if there is none. */
MAPPEDPAGES_C_API int mappedpages_unpin(mappedpages_file* file, uint64_t page) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_unpin_protected(mappedpages_file* file,
                                                  uint64_t number) MAPPEDPAGES_NOEXCEPT;

/* 1 if the page has a pin, 0 if not. */
MAPPEDPAGES_C_API int mappedpages_is_pinned(const mappedpages_file* file,
                                            uint64_t page) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_is_pinned_protected(const mappedpages_file* file,
                                                      uint64_t number) MAPPEDPAGES_NOEXCEPT;

/* --- Plain pages. -ENOENT for a page that is not allocated, -EBUSY for a reserved or internal one,
 * -EINVAL beyond the capacity or past the end of the page. */

/* `size` bytes from byte `offset` of the page. */
MAPPEDPAGES_C_API int mappedpages_read(const mappedpages_file* file, uint64_t page, uint64_t offset,
                                       void* out, size_t size) MAPPEDPAGES_NOEXCEPT;

/* Seen by readers at once, durable after a flush. A crash before that may leave a part of it. */
MAPPEDPAGES_C_API int mappedpages_write(mappedpages_file* file, uint64_t page, uint64_t offset,
                                        const void* bytes, size_t size) MAPPEDPAGES_NOEXCEPT;

/* Makes what was written to the page, or to all, before the call durable. */
MAPPEDPAGES_C_API int mappedpages_flush(mappedpages_file* file, uint64_t page) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_flush_all(mappedpages_file* file) MAPPEDPAGES_NOEXCEPT;

/* *out is the page in memory, one whole page, and follows reads and writes. Valid until the file is
 * closed, however it grows; after the page was freed it must not be written. Stores through
 * `view_mut` are durable after a flush that begins after them. */
MAPPEDPAGES_C_API int mappedpages_view(const mappedpages_file* file, uint64_t page,
                                       const void** out) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_view_mut(mappedpages_file* file, uint64_t page,
                                           void** out) MAPPEDPAGES_NOEXCEPT;

/* --- Protected pages. -ENOENT for a number that is not allocated. */

/* The committed content, one whole page, verified: -EIO if the disk does not hold what was
 * committed. *generation, unless NULL: commits of this page since it was allocated. */
MAPPEDPAGES_C_API int mappedpages_read_protected(const mappedpages_file* file, uint64_t number,
                                                 void* out,
                                                 uint64_t* generation) MAPPEDPAGES_NOEXCEPT;

/* Replaces the content by one whole page: atomic, and durable when it returns 0. -EBUSY while the
 * page has a writer. */
MAPPEDPAGES_C_API int mappedpages_write_protected(mappedpages_file* file, uint64_t number,
                                                  const void* bytes) MAPPEDPAGES_NOEXCEPT;

/* The same in place: the writer starts from the committed content, and is the page's only one,
 * -EBUSY otherwise. *out is to be closed. */
MAPPEDPAGES_C_API int mappedpages_writer_open(mappedpages_file* file, uint64_t number,
                                              mappedpages_writer** out) MAPPEDPAGES_NOEXCEPT;

/* The next content, one whole page, to be changed in place; valid until the writer is closed. NULL
 * for NULL. */
MAPPEDPAGES_C_API void* mappedpages_writer_bytes(mappedpages_writer* writer) MAPPEDPAGES_NOEXCEPT;

/* Makes those bytes the content: atomic, and durable when it returns 0. The writer stays, and can
 * commit again. */
MAPPEDPAGES_C_API int mappedpages_writer_commit(mappedpages_writer* writer) MAPPEDPAGES_NOEXCEPT;

/* What was not committed is discarded. NULL is allowed. */
MAPPEDPAGES_C_API void mappedpages_writer_close(mappedpages_writer* writer) MAPPEDPAGES_NOEXCEPT;

/* --- Batches: many changes in one atomic commit. Nothing of one is seen by others, or on disk,
 * before it is committed. */

/* *out is to be dropped, committed or not. */
MAPPEDPAGES_C_API int mappedpages_batch_begin(mappedpages_file* file,
                                              mappedpages_batch** out) MAPPEDPAGES_NOEXCEPT;

/* As `mappedpages_alloc`. Numbers are reserved at once, and go back if the batch is dropped. */
MAPPEDPAGES_C_API int mappedpages_batch_alloc(mappedpages_batch* batch, uint64_t count,
                                              uint64_t* pages) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_batch_alloc_protected(mappedpages_batch* batch, uint64_t count,
                                                        uint64_t* numbers) MAPPEDPAGES_NOEXCEPT;

/* As `mappedpages_free`, one page. */
MAPPEDPAGES_C_API int mappedpages_batch_free(mappedpages_batch* batch,
                                             uint64_t page) MAPPEDPAGES_NOEXCEPT;
MAPPEDPAGES_C_API int mappedpages_batch_free_protected(mappedpages_batch* batch,
                                                       uint64_t number) MAPPEDPAGES_NOEXCEPT;

/* The next content of a protected page, one whole page, to be changed in place until the batch is
 * committed or dropped, or frees the page. Starts from the committed content, or from zeros in a
 * page that this batch allocated. -ENOENT; -EIO. */
MAPPEDPAGES_C_API int mappedpages_batch_edit(mappedpages_batch* batch, uint64_t number,
                                             void** out) MAPPEDPAGES_NOEXCEPT;

/* The first content of a plain page that this batch allocated: durable with it. */
MAPPEDPAGES_C_API int mappedpages_batch_fill(mappedpages_batch* batch, uint64_t page,
                                             void** out) MAPPEDPAGES_NOEXCEPT;

/* All of it, durably, or nothing. -EAGAIN: another commit changed a page of this batch; drop it and
 * start anew. -EBUSY: a page of it has a writer or a pin. After success it is empty and can be used
 * again; after an error it is as it was. */
MAPPEDPAGES_C_API int mappedpages_batch_commit(mappedpages_batch* batch) MAPPEDPAGES_NOEXCEPT;

/* Discards what was not committed. NULL is allowed. */
MAPPEDPAGES_C_API void mappedpages_batch_drop(mappedpages_batch* batch) MAPPEDPAGES_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
