/* librdkafka waits by C11's cnd_timedwait, which libfaketime does not know: it would compare a time of the set clock with
 * the machine's. By way of pthread_cond_timedwait, which libfaketime translates; in glibc the types are the same. */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict time)
{
    int result = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, time);
    if (result == ETIMEDOUT)
        return thrd_timedout;
    return result == 0 ? thrd_success : thrd_error;
}
