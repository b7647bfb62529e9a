#include "disk/posix_random.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/assert.h"

static void posix_fill(struct random *random, void *out, size_t len)
{
    (void)random;
    uint8_t *at = (uint8_t *)out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        /* Ids that are not random are worse than no process. */
        ASSERT(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

struct random random_posix(void)
{
    return (struct random){.fill = posix_fill};
}
