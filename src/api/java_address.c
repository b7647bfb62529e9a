#include "api/java_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const char *v4_text(const uint8_t *bytes, struct arena *arena)
{
    return arena_printf(arena, "/%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static const char *v6_text(const uint8_t *bytes, struct arena *arena)
{
    unsigned part[8];
    for (int i = 0; i < 8; i++)
        part[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    return arena_printf(arena, "/%x:%x:%x:%x:%x:%x:%x:%x", part[0], part[1], part[2], part[3], part[4],
                        part[5], part[6], part[7]);
}

struct view java_address(const struct sockaddr *addr, struct arena *arena)
{
    if (addr && addr->sa_family == AF_INET)
        return view_str(v4_text((const uint8_t *)&((const struct sockaddr_in *)addr)->sin_addr, arena));
    if (!addr || addr->sa_family != AF_INET6)
        return VIEW_LIT("/");
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)addr)->sin6_addr;
    return view_str(IN6_IS_ADDR_V4MAPPED(v6) ? v4_text(v6->s6_addr + 12, arena)
                                             : v6_text(v6->s6_addr, arena));
}
