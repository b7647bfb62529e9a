#include "cli/topics.h"

int topics_over_zookeeper(const struct topics_request *request, const char *connect)
{
    (void)request;
    (void)connect;
    return topics_fail(VIEW_LIT("--zookeeper is not supported by this version"));
}
