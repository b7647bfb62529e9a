#include "config/versions.h"

#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"

static const char *const versions[] = {
    "0.8.0",      "0.8.1",      "0.8.2",      "0.9.0",      "0.10.0-IV0", "0.10.0-IV1", "0.10.1-IV0",
    "0.10.1-IV1", "0.10.1-IV2", "0.10.2-IV0", "0.11.0-IV0", "0.11.0-IV1", "0.11.0-IV2", "1.0-IV0",
    "1.1-IV0",    "2.0-IV0",    "2.0-IV1",    "2.1-IV0",    "2.1-IV1",    "2.1-IV2",    "2.2-IV0",
    "2.2-IV1",    "2.3-IV0",    "2.3-IV1",    "2.4-IV0",    "2.4-IV1",    "2.5-IV0",    "2.6-IV0",
    "2.7-IV0",    "2.7-IV1",    "2.7-IV2",    "2.8-IV0",    "2.8-IV1",    "3.0-IV0",    "3.0-IV1",
    "3.1-IV0",    "3.2-IV0",    "3.3-IV0",    "3.3-IV1",    "3.3-IV2",    "3.3-IV3",    "3.4-IV0",
    "3.5-IV0",    "3.5-IV1",    "3.5-IV2",    "3.6-IV0",    "3.6-IV1",    "3.6-IV2",    "3.7-IV0",
    "3.7-IV1",    "3.7-IV2",    "3.7-IV3",    "3.7-IV4",    "3.8-IV0",    "3.9-IV0",    "4.0-IV0",
    "4.0-IV1",
};

/* Versions after this one are development versions and have no release name. */
static const char latest_production[] = "3.9-IV0";

static int index_of(const char *text, size_t len, bool release)
{
    int found = -1;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        const char *version = versions[i];
        size_t version_len = release ? strcspn(version, "-") : strlen(version);
        if (version_len == len && memcmp(version, text, len) == 0)
            found = (int)i;
        if (release && strcmp(version, latest_production) == 0)
            break;
    }
    return found;
}

int metadata_version_index(const char *text)
{
    /* "2.8.1" counts as "2.8": two numbers, or three where the first is 0. */
    int segments = strncmp(text, "0.", 2) == 0 ? 3 : 2;
    size_t len = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '.' && --segments == 0)
            break;
        len++;
    }
    int exact = index_of(text, len, false);
    return exact >= 0 ? exact : index_of(text, len, true);
}

bool metadata_version_at_least(const char *text, const char *floor)
{
    int a = metadata_version_index(text);
    int b = metadata_version_index(floor);
    ASSERT(a >= 0 && b >= 0);
    return a >= b;
}

int metadata_version_record_format(const char *text)
{
    if (metadata_version_at_least(text, "0.11.0-IV0"))
        return 2;
    return metadata_version_at_least(text, "0.10.0-IV0") ? 1 : 0;
}

void metadata_version_put_all(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        buf_put_str(out, i ? ", " : "");
        buf_put_str(out, versions[i]);
    }
}
