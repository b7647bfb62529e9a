#include "cli/client_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FILE_MAX_BYTES (1 << 20)

/* Kafka's defaults of an admin client. */
#define CONNECT_TIMEOUT_MS 10000
#define REQUEST_TIMEOUT_MS 30000
#define API_TIMEOUT_MS     60000

bool client_file_read(const char *path, size_t max_bytes, struct buf *out, struct errmsg *why)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        errmsg_set_errno(why, errno, "%.150s", path);
        return false;
    }
    size_t got;
    do {
        got = fread(buf_reserve(out, BUFSIZ), 1, BUFSIZ, file);
        out->len += got;
    } while (got > 0 && out->len <= max_bytes);
    bool failed = ferror(file) != 0;
    int errnum = errno;
    fclose(file);
    if (failed)
        errmsg_set_errno(why, errnum, "%.150s", path);
    else if (out->len > max_bytes)
        errmsg_set(why, "%.150s is larger than %zu bytes", path, max_bytes);
    return !failed && out->len <= max_bytes;
}

bool client_properties_load(const char *path, struct properties *out, struct errmsg *why)
{
    *out = (struct properties){0};
    struct buf text = {0};
    bool fine = client_file_read(path, FILE_MAX_BYTES, &text, why);
    if (fine)
        properties_parse(buf_view(&text), out);
    buf_close(&text);
    return fine;
}

bool client_property_allowed(const char *key, const char *value, struct errmsg *why)
{
    bool protected = strcmp(key, "security.protocol") == 0 && strcmp(value, "PLAINTEXT") != 0;
    if (!protected && strncmp(key, "sasl.jaas", strlen("sasl.jaas")) != 0)
        return true;
    errmsg_set(why,
               "%.60s=%.40s: SSL and SASL are not supported by this version; connect to a listener of "
               "PLAINTEXT",
               key, protected ? value : "...");
    return false;
}

static bool read_ms(const struct properties *props, const char *key, int *out, struct errmsg *why)
{
    const char *text = properties_get(props, key);
    if (text == NULL)
        return true;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > INT32_MAX) {
        errmsg_set(why, "Invalid value %.60s for configuration %s: it is a number of milliseconds", text,
                   key);
        return false;
    }
    *out = (int)value;
    return true;
}

bool client_config_load(const char *path, const char *client_id, struct client_config *out,
                        struct errmsg *why)
{
    *out = (struct client_config){.connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                  .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                  .api_timeout_ms = API_TIMEOUT_MS};
    struct properties props = {0};
    if (path != NULL && !client_properties_load(path, &props, why))
        return false;
    bool fine = true;
    for (size_t i = 0; i < props.count && fine; i++)
        fine = client_property_allowed(props.items[i].key, props.items[i].value, why);
    fine = fine && read_ms(&props, "socket.connection.setup.timeout.ms", &out->connect_timeout_ms, why) &&
           read_ms(&props, "request.timeout.ms", &out->request_timeout_ms, why) &&
           read_ms(&props, "default.api.timeout.ms", &out->api_timeout_ms, why);
    const char *named = properties_get(&props, "client.id");
    out->client_id = mem_strdup(named ? named : client_id);
    properties_close(&props);
    if (!fine)
        client_config_close(out);
    return fine;
}

void client_config_close(struct client_config *config)
{
    free(config->client_id);
    config->client_id = NULL;
}
