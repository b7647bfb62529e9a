#include "cli/partition_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Takes a number off the front; the fallback when there is none. False when it is too large. */
static bool take_number(const char **text, int32_t otherwise, int32_t *out)
{
    int64_t number = 0;
    size_t digits = strspn(*text, "0123456789");
    *out = otherwise;
    if (digits == 0)
        return true;
    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + ((*text)[i] - '0');
        if (number > INT32_MAX)
            return false;
    }
    *text += digits;
    *out = (int32_t)number;
    return true;
}

/* "3", "1-3", "1-", "-3" or nothing. */
static bool parse_range(const char *text, struct partition_rule *out)
{
    bool single = *text != '\0' && *text != '-';
    if (!take_number(&text, 0, &out->first))
        return false;
    out->end = INT32_MAX;
    if (*text == '-') {
        text++;
        return take_number(&text, INT32_MAX, &out->end) && *text == '\0';
    }
    if (single)
        out->end = out->first < INT32_MAX ? out->first + 1 : INT32_MAX;
    return *text == '\0';
}

static bool add_rule(struct partition_rules *out, const char *topic, const char *range, struct errmsg *why)
{
    struct partition_rule rule;
    if (!parse_range(range, &rule)) {
        errmsg_set(why, "Invalid rule specification: %.60s:%.60s", topic ? topic : "", range);
        return false;
    }
    if (!topic_filter_open(&rule.topics, topic, false, why))
        return false;
    out->items = mem_resize(out->items, (size_t)(out->count + 1) * sizeof *out->items);
    out->items[out->count++] = rule;
    return true;
}

bool partition_rules_parse(struct partition_rules *out, const char *text, struct errmsg *why)
{
    *out = (struct partition_rules){0};
    bool fine = true;
    char *list = mem_strdup(text);
    char *next = list;
    for (char *rule; fine && (rule = strsep(&next, ",")) != NULL;) {
        char *colon = strchr(rule, ':');
        if (colon != NULL)
            *colon = '\0';
        fine = add_rule(out, *rule == '\0' ? NULL : rule, colon ? colon + 1 : "", why);
    }
    free(list);
    return fine;
}

bool partition_rules_of_lists(struct partition_rules *out, const char *topic, const char *partitions,
                              struct errmsg *why)
{
    *out = (struct partition_rules){0};
    if (partitions == NULL || *partitions == '\0')
        return add_rule(out, topic, "", why);
    if (strspn(partitions, "0123456789,") != strlen(partitions)) {
        errmsg_set(
            why, "--partitions expects a comma separated list of numeric partition ids, but received: %.100s",
            partitions);
        return false;
    }
    bool fine = true;
    char *list = mem_strdup(partitions);
    char *next = list;
    for (char *number; fine && (number = strsep(&next, ",")) != NULL;)
        fine = add_rule(out, topic, number, why);
    free(list);
    return fine;
}

void partition_rules_close(struct partition_rules *rules)
{
    for (int i = 0; i < rules->count; i++)
        topic_filter_close(&rules->items[i].topics);
    free(rules->items);
    *rules = (struct partition_rules){0};
}

bool partition_rules_match(const struct partition_rules *rules, struct view topic, int32_t partition)
{
    for (int i = 0; i < rules->count; i++)
        if (partition >= rules->items[i].first && partition < rules->items[i].end &&
            topic_filter_matches(&rules->items[i].topics, topic))
            return true;
    return false;
}
