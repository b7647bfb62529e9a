#include "service/replica/control_fence.h"

enum err control_fence_check(struct control_fence *fence, struct broker *broker,
                             const struct control_sender *sender)
{
    /* A larger one is accepted: the controller may have seen our registration before we did. */
    if (sender->broker_epoch != -1 && sender->broker_epoch < atomic_load(&broker->epoch))
        return ERR_STALE_BROKER_EPOCH;
    if (sender->controller_epoch < fence->controller_epoch)
        return ERR_STALE_CONTROLLER_EPOCH;
    if (sender->controller_epoch == fence->controller_epoch && sender->connection < fence->connection)
        return ERR_CONNECTION_REPLACED;
    fence->controller_epoch = sender->controller_epoch;
    fence->connection = sender->connection;
    return ERR_NONE;
}
