/*
 * Runs a fuzz target without libFuzzer: on seeds and on mutations of them that
 * a number decides, so `make check` exercises it with any compiler.
 *
 *   fuzz_<what> [-n ITERATIONS] [-s SEED] [FILE|FOLDER]...
 *
 * Files are seeds, beside those that the target brings (with -n 0 they are inputs to reproduce).
 * BARNABAS_FUZZ_ITERATIONS sets the default number. The input that is being tried when the target crashes is
 * written to fuzz-crash-<pid>.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/prng.h"

#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target may have seeds of its own: it calls `add` for each. */
__attribute__((weak)) void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

struct seeds {
    struct buf *items;
    size_t count;
};

/* What a crash handler must reach. */
static const uint8_t *crash_data;
static size_t crash_size;
static char crash_name[64];

/* Only what may be called in a signal handler. */
static void save_crash(int signal_number)
{
    int fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t written = fd >= 0 ? write(fd, crash_data, crash_size) : -1;
    (void)written; /* there is nobody left to tell */
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run_one(const uint8_t *data, size_t size)
{
    uint8_t *exact = mem_dup(data, size + !size); /* so that a sanitizer sees the end */
    crash_data = exact;
    crash_size = size;
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static struct buf *add_seed(struct seeds *seeds)
{
    seeds->items = mem_resize(seeds->items, (seeds->count + 1) * sizeof *seeds->items);
    seeds->items[seeds->count] = (struct buf){0};
    return &seeds->items[seeds->count++];
}

static void add_own_seed(void *seeds, struct view seed)
{
    struct buf *copy = add_seed(seeds);
    buf_reserve(copy, 1);
    buf_put_view(copy, seed);
}

static void load_file(struct seeds *seeds, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    struct buf *seed = add_seed(seeds);
    size_t got;
    while (seed->len < INPUT_MAX && (got = fread(buf_reserve(seed, 4096), 1, 4096, file)) > 0)
        seed->len += got;
    buf_reserve(seed, 1);
    fclose(file);
}

static void load_path(struct seeds *seeds, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        load_file(seeds, path);
        return;
    }
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char *child = mem_printf("%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            load_file(seeds, child);
        free(child);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

static void mutate(struct buf *input, const struct seeds *seeds, struct prng *prng)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x40};
    size_t at = input->len ? prng_below(prng, input->len) : 0;
    switch (prng_below(prng, 7)) {
    case 0: /* a bit */
        if (input->len)
            input->data[at] ^= (uint8_t)(1u << prng_below(prng, 8));
        break;
    case 1: /* a byte */
        if (input->len)
            input->data[at] = (uint8_t)prng_next(prng);
        break;
    case 2: /* a byte that is often an edge */
        if (input->len)
            input->data[at] = edges[prng_below(prng, sizeof edges)];
        break;
    case 3: /* cut the end off */
        input->len = at;
        break;
    case 4: { /* some more at the end */
        size_t more = prng_below(prng, 16);
        for (size_t i = 0; i < more && input->len < INPUT_MAX; i++)
            buf_put_i8(input, (int8_t)prng_next(prng));
        break;
    }
    case 5: /* take a run out */
        if (input->len) {
            size_t run = prng_below(prng, input->len - at) + 1;
            memmove(input->data + at, input->data + at + run, input->len - at - run);
            input->len -= run;
        }
        break;
    default: { /* the tail of another seed */
        const struct buf *other = &seeds->items[prng_below(prng, seeds->count)];
        size_t from = other->len ? prng_below(prng, other->len) : 0;
        input->len = at;
        buf_put(input, other->data + from, other->len - from);
        break;
    }
    }
}

static void run_mutations(const struct seeds *seeds, uint64_t seed, long iterations)
{
    struct prng prng;
    struct buf input = {0};
    prng_seed(&prng, seed);
    for (long i = 0; i < iterations; i++) {
        const struct buf *from = &seeds->items[prng_below(&prng, seeds->count)];
        buf_clear(&input);
        buf_reserve(&input, 1);
        buf_put(&input, from->data, from->len);
        for (uint64_t steps = 1 + prng_below(&prng, 4); steps > 0; steps--)
            mutate(&input, seeds, &prng);
        run_one(input.data, input.len);
    }
    buf_close(&input);
}

int main(int argc, char **argv)
{
    const char *given = getenv("BARNABAS_FUZZ_ITERATIONS");
    long iterations = given ? atol(given) : 20000;
    uint64_t seed = 1;
    int option;
    while ((option = getopt(argc, argv, "n:s:")) != -1) {
        if (option == 'n')
            iterations = atol(optarg);
        else if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    snprintf(crash_name, sizeof crash_name, "fuzz-crash-%d", (int)getpid());
    signal(SIGABRT, save_crash);
    signal(SIGSEGV, save_crash);
    struct seeds seeds = {0};
    for (int i = optind; i < argc; i++)
        load_path(&seeds, argv[i]);
    if (fuzz_own_seeds)
        fuzz_own_seeds(add_own_seed, &seeds);
    if (seeds.count == 0)
        buf_reserve(add_seed(&seeds), 1);
    for (size_t i = 0; i < seeds.count; i++)
        run_one(seeds.items[i].data, seeds.items[i].len);
    run_mutations(&seeds, seed, iterations);
    printf("%zu seeds, %ld mutations with seed %llu\n", seeds.count, iterations, (unsigned long long)seed);
    for (size_t i = 0; i < seeds.count; i++)
        buf_close(&seeds.items[i]);
    free(seeds.items);
    return 0;
}
