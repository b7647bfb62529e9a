#include "cli/led_partitions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *led_partition_name(const struct led_partition *partition, struct arena *arena)
{
    return arena_printf(arena, "%.*s-%" PRId32, VIEW_FMT(partition->topic), partition->partition);
}

static int compare_leaders(const void *a, const void *b)
{
    const struct led_partition *x = a, *y = b;
    if (x->leader != y->leader)
        return x->leader < y->leader ? -1 : 1;
    int topics = view_compare(x->topic, y->topic);
    return topics ? topics : (x->partition > y->partition) - (x->partition < y->partition);
}

static int compare_texts(const void *a, const void *b)
{
    const struct led_partition *x = a, *y = b;
    char *x_name = mem_printf("%.*s-%" PRId32, VIEW_FMT(x->topic), x->partition);
    char *y_name = mem_printf("%.*s-%" PRId32, VIEW_FMT(y->topic), y->partition);
    int order = strcmp(x_name, y_name);
    free(x_name);
    free(y_name);
    return order;
}

void led_partitions_sort_by_leader(struct led_partition *list, size_t count)
{
    qsort(list, count, sizeof *list, compare_leaders);
}

void led_partitions_sort_by_name(struct led_partition *list, size_t count)
{
    qsort(list, count, sizeof *list, compare_texts);
}

size_t led_partitions_same_leader(const struct led_partition *list, size_t count)
{
    size_t n = 0;
    while (n < count && list[n].leader == list[0].leader)
        n++;
    return n;
}

size_t led_partitions_same_topic(const struct led_partition *list, size_t count)
{
    size_t n = 0;
    while (n < count && view_equal(list[n].topic, list[0].topic))
        n++;
    return n;
}

struct led_partition *led_partitions_find(struct led_partition *list, size_t count, struct view topic,
                                          int32_t partition)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].partition == partition && view_equal(list[i].topic, topic))
            return &list[i];
    return NULL;
}
