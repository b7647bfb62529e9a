#include "state_vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct buf vector_slurp(const char *path)
{
    struct buf out = {0};
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    size_t got;
    while ((got = fread(buf_reserve(&out, 4096), 1, 4096, file)) > 0)
        out.len += got;
    fclose(file);
    return out;
}

struct buf vector_load(const char *name)
{
    const char *top = getenv("top_srcdir");
    char *path = mem_printf("%s/tests/unit/storage/vectors/%s", top ? top : ".", name);
    struct buf bytes = vector_slurp(path);
    free(path);
    return bytes;
}

static bool cut(struct view *rest, char end, struct view *piece)
{
    if (view_is_null(*rest))
        return false;
    const uint8_t *at = rest->len ? memchr(rest->ptr, end, rest->len) : NULL;
    if (!at) {
        *piece = *rest;
        *rest = VIEW_NULL;
        return true;
    }
    *piece = view_of(rest->ptr, (size_t)(at - rest->ptr));
    *rest = view_of(at + 1, rest->len - piece->len - 1);
    return true;
}

bool vector_field(struct view *line, struct view *field)
{
    return cut(line, '\t', field);
}

bool vector_line(struct view *text, struct view *line)
{
    return text->len > 0 && cut(text, '\n', line);
}

static int hex_value(uint8_t c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

void vector_unhex(struct view hex, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i + 1 < hex.len; i += 2)
        buf_put_i8(out, (int8_t)(hex_value(hex.ptr[i]) << 4 | hex_value(hex.ptr[i + 1])));
}
