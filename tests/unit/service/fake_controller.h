/*
 * A controller that listens on a port of this machine and answers each request as a test says.
 *
 * Runs on: a thread of its own, as `answer` does.
 */
#ifndef BARNABAS_TESTS_UNIT_SERVICE_FAKE_CONTROLLER_H
#define BARNABAS_TESTS_UNIT_SERVICE_FAKE_CONTROLLER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"
#include "wire/api.h"

struct fake_controller {
    /*
     * Fills the answer (it has its defaults) to request number `number`, from 0 on. False: it is not
     * answered, and the connection stays.
     */
    bool (*answer)(struct fake_controller *fake, int number, int16_t version, const void *request,
                   void *answer, struct arena *arena);
    void *arg;
    int port;

    /* Private. */
    pthread_t thread;
    int listener;
    int wake[2]; /* a pipe that ends the thread */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int asked;
};

/* `answer` and `arg` are set. */
void fake_controller_open(struct fake_controller *fake);
void fake_controller_close(struct fake_controller *fake);
/* Waits until so many requests have come. */
void fake_controller_await(struct fake_controller *fake, int requests);

#endif
