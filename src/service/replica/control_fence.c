#include "service/replica/control_fence.h"

enum err control_fence_check(struct control_fence *fence, struct broker *broker, int32_t controller_epoch,
                             int64_t broker_epoch)
{
    /* A larger one is accepted: the controller may have seen our registration before we did. */
    if (broker_epoch != -1 && broker_epoch < atomic_load(&broker->epoch))
        return ERR_STALE_BROKER_EPOCH;
    if (controller_epoch < fence->controller_epoch)
        return ERR_STALE_CONTROLLER_EPOCH;
    fence->controller_epoch = controller_epoch;
    return ERR_NONE;
}
