#include "service/replica/hang_patrol.h"

#include "base/mem.h"
#include "service/replica/log_dirs.h"

#define LOOK_MS 1000

static void look(struct loop_timer *timer, int64_t now_ms)
{
    struct hang_patrol *patrol = CONTAINER_OF(timer, struct hang_patrol, timer);
    for (int i = 0; i < patrol->dirs->count; i++)
        log_dir_state_announce_hang(patrol->dirs->items[i], patrol->limit_ms);
    loop_timer_arm(patrol->loop, timer, now_ms + LOOK_MS);
}

static void start(struct loop_message *msg, bool discard)
{
    struct hang_patrol *patrol = CONTAINER_OF(msg, struct hang_patrol, start_message);
    if (discard)
        return;
    patrol->timer.fire = look;
    loop_timer_arm(patrol->loop, &patrol->timer, loop_now_ms(patrol->loop) + LOOK_MS);
}

void hang_patrol_start(struct hang_patrol *patrol, struct log_dirs *dirs, struct loop *loop, int64_t limit_ms)
{
    if (limit_ms <= 0)
        return;
    *patrol = (struct hang_patrol){.dirs = dirs, .loop = loop, .limit_ms = limit_ms};
    patrol->start_message = (struct loop_message){.run = start, .label = "hang_patrol"};
    loop_post(loop, &patrol->start_message);
}

void hang_patrol_close(struct hang_patrol *patrol)
{
    if (patrol->loop && loop_timer_is_armed(&patrol->timer))
        loop_timer_cancel(patrol->loop, &patrol->timer);
}
