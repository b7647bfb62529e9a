/*
 * The inside of a struct config: for the files that make, check and describe one.
 *
 * Ownership: the arena owns every text.
 * Runs on: any; not changed once config_load or config_with_dynamic has returned it.
 */
#ifndef BARNABAS_CONFIG_SNAPSHOT_H
#define BARNABAS_CONFIG_SNAPSHOT_H

#include <stdatomic.h>

#include "base/arena.h"
#include "config/config.h"
#include "config/report.h"
#include "config/value.h"

/* Weakest first. */
enum config_layer {
    LAYER_DEFAULT,
    LAYER_STATIC,
    LAYER_DYNAMIC_DEFAULT,
    LAYER_DYNAMIC_BROKER,
    LAYER_COUNT,
};

/* A name that is not a row of the table: behind a listener's prefix, or unknown. */
struct config_extra {
    const char *name;
    const char *text;
    enum config_layer layer;
    enum config_key key;  /* the setting behind the prefix, or CONFIG_KEY_NONE */
    const char *listener; /* borrows from name; NULL without prefix */
    size_t listener_len;
    struct config_value value; /* when key is known */
    struct config_place place;
};

struct config {
    atomic_int share_count;
    struct arena arena;
    const char *texts[LAYER_COUNT][CONFIG_KEY_COUNT]; /* as they were written; NULL = not set there */
    struct config_place places[CONFIG_KEY_COUNT];     /* of the static layer */
    struct config_value values[CONFIG_KEY_COUNT];     /* of the strongest layer that sets it */
    enum config_layer layers[CONFIG_KEY_COUNT];       /* that layer */
    struct config_extra *extras;
    size_t extra_count;
    size_t extra_cap;
    struct config_list log_dirs;
    struct config_listeners listeners;
};

/* An empty snapshot with the built-in defaults as its only layer, to be filled and then resolved. */
struct config *snapshot_new(void);
/* Takes over the file's layer of another snapshot (copies it). */
struct config *snapshot_new_from_static(const struct config *base);
/* Copies name and text; the later text of the same name and layer counts. */
struct config_extra *snapshot_add_extra(struct config *config, const char *name, const char *text,
                                        enum config_layer layer, struct config_place place);
/* Parses the strongest text of every setting, then all that follows from several together. */
void snapshot_resolve(struct config *config, struct config_report *report);

const struct config_value *snapshot_value(const struct config *config, enum config_key key);
/* Where the value that counts was set; no file when it comes from elsewhere. */
struct config_place snapshot_place(const struct config *config, enum config_key key);
/* The strongest listener.name.<listener>.<name>, or NULL. */
const struct config_extra *snapshot_listener_extra(const struct config *config, const char *listener,
                                                   size_t listener_len, enum config_key key);

/* What replica.selector.class may be, beside unset: Kafka's own classes. */
#define CONFIG_SELECTOR_RACK   "org.apache.kafka.common.replica.RackAwareReplicaSelector"
#define CONFIG_SELECTOR_LEADER "org.apache.kafka.common.replica.LeaderSelector"

#endif
