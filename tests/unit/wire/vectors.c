#include "vectors.h"

#include <stdlib.h>

#include "base/assert.h"
#include "wire/codec.h"

void vectors_open(struct vectors *vectors)
{
    const char *top = getenv("top_srcdir");
    struct buf path = {0};
    buf_printf(&path, "%s/tests/wire/vectors/vectors.txt", top ? top : "..");
    *vectors = (struct vectors){.file = fopen(buf_cstr(&path), "r")};
    ASSERT(vectors->file != NULL);
    buf_close(&path);
}

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool vectors_next(struct vectors *vectors, struct vector *out)
{
    ssize_t len = getline(&vectors->line, &vectors->cap, vectors->file);
    if (len <= 0)
        return false;
    vectors->number++;
    char *rest = NULL;
    char *name = strtok_r(vectors->line, " \n", &rest);
    char *version = strtok_r(NULL, " \n", &rest);
    char *hex = strtok_r(NULL, " \n", &rest);
    out->desc = wire_message_find(view_str(name));
    ASSERT(out->desc != NULL);
    out->version = (int16_t)atoi(version);
    buf_clear(&out->bytes);
    for (; hex && hex[0] && hex[1]; hex += 2)
        buf_put_i8(&out->bytes, (int8_t)(nibble(hex[0]) << 4 | nibble(hex[1])));
    return true;
}

void vectors_close(struct vectors *vectors)
{
    fclose(vectors->file);
    free(vectors->line);
}
