#include "cli/addresses.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/view.h"

#define PORT_MAX 65535

static bool parse_port(const char *text, size_t len, int *out)
{
    int port = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (text[i] - '0');
    }
    *out = port;
    return port > 0 && port <= PORT_MAX;
}

static bool parse_one(const char *text, size_t len, const char *setting, struct address *out,
                      struct errmsg *why)
{
    const char *start = text;
    size_t all = len;
    const char *scheme = memmem(text, len, "://", 3);
    if (scheme != NULL) {
        len -= (size_t)(scheme + 3 - text);
        text = scheme + 3;
    }
    const char *colon = memrchr(text, ':', len);
    if (colon == NULL || colon == text) {
        errmsg_set(why, "Invalid url in %s: %.*s (it must be host:port)", setting, (int)(all < 80 ? all : 80),
                   start);
        return false;
    }
    size_t host_len = (size_t)(colon - text);
    if (!parse_port(colon + 1, len - host_len - 1, &out->port)) {
        errmsg_set(why, "Invalid port in %s: %.*s (a port is a number from 1 to 65535)", setting,
                   (int)(all < 80 ? all : 80), start);
        return false;
    }
    if (host_len > 2 && text[0] == '[' && text[host_len - 1] == ']') {
        text++;
        host_len -= 2;
    }
    out->host = view_to_cstr(view_of(text, host_len));
    return true;
}

bool addresses_parse(const char *text, const char *setting, struct addresses *out, struct errmsg *why)
{
    *out = (struct addresses){0};
    while (*text != '\0') {
        text += strspn(text, ", \t");
        size_t len = strcspn(text, ", \t");
        if (len == 0)
            break;
        struct address address;
        if (!parse_one(text, len, setting, &address, why)) {
            addresses_close(out);
            return false;
        }
        out->items = mem_resize(out->items, (size_t)(out->count + 1) * sizeof *out->items);
        out->items[out->count++] = address;
        text += len;
    }
    if (out->count == 0) {
        errmsg_set(why, "No server is given in %s: name one as host:port", setting);
        return false;
    }
    return true;
}

void addresses_close(struct addresses *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->items[i].host);
    free(list->items);
    *list = (struct addresses){0};
}
