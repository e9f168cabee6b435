/* What a daemon would be that acknowledges before it syncs: fdatasync answers at once, and each half second a thread
 * syncs what was asked for since. Loaded by `oxbench heart --parts durability` with LD_PRELOAD; no daemon has this in it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILES 4096
static atomic_int asked[FILES];

static void *late(void *unused) {
    (void)unused;
    for (;;) {
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, 0);
        for (int fd = 0; fd < FILES; fd++)
            if (atomic_load_explicit(&asked[fd], memory_order_relaxed) && atomic_exchange(&asked[fd], 0))
                syscall(SYS_fdatasync, fd); /* closed meanwhile: nothing to do */
    }
    return 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void start(void) {
    pthread_t thread;
    pthread_create(&thread, 0, late, 0);
}

int fdatasync(int fd) {
    pthread_once(&once, start);
    if (fd < 0 || fd >= FILES) return (int)syscall(SYS_fdatasync, fd);
    atomic_store(&asked[fd], 1);
    return 0;
}
