#include "core/controller/topic_name.h"

#include <string.h>

#define TOPIC_NAME_MAX 249

bool topic_name_is_valid(const char *name, struct errmsg *why)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(name);
    if (len == 0)
        errmsg_set(why, "Topic name is invalid: the empty string is not allowed");
    else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        errmsg_set(why, "Topic name is invalid: '%s' is not allowed", name);
    else if (len > TOPIC_NAME_MAX)
        errmsg_set(why,
                   "Topic name is invalid: the length of '%.40s...' is longer than the max allowed length %d",
                   name, TOPIC_NAME_MAX);
    else if (strspn(name, legal) != len)
        errmsg_set(why,
                   "Topic name is invalid: '%.120s' contains one or more characters other than ASCII "
                   "alphanumerics, '.', '_' and '-'",
                   name);
    else
        return true;
    return false;
}

bool topic_name_may_collide(const char *name)
{
    return strpbrk(name, "._") != NULL;
}

bool topic_names_collide(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x = *a == '.' ? '_' : *a;
        char y = *b == '.' ? '_' : *b;
        if (x != y)
            return false;
        if (x == '\0')
            return true;
    }
}
