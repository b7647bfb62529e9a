#include "base/view.h"

#include "base/mem.h"

char *view_to_cstr(struct view v)
{
    if (view_is_null(v))
        return NULL;
    char *text = mem_alloc(v.len + 1);
    memcpy(text, v.ptr, v.len);
    text[v.len] = '\0';
    return text;
}
