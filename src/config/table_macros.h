/*
 * What the words in the columns of the .def tables stand for. Included by the two files that
 * turn those tables into arrays, and by nothing else.
 */
#ifndef BARNABAS_CONFIG_TABLE_MACROS_H
#define BARNABAS_CONFIG_TABLE_MACROS_H

#include "config/setting.h"

#define VALID_ANY                                                                                            \
    {                                                                                                        \
        .kind = VALID_KIND_ANY                                                                               \
    }
#define VALID_AT_LEAST(n)                                                                                    \
    {                                                                                                        \
        .kind = VALID_KIND_RANGE, .min = (n)                                                                 \
    }
#define VALID_BETWEEN(n, m)                                                                                  \
    {                                                                                                        \
        .kind = VALID_KIND_RANGE, .min = (n), .max = (m), .has_max = true                                    \
    }
#define VALID_AT_LEAST_OR_MINUS_ONE(n)                                                                       \
    {                                                                                                        \
        .kind = VALID_KIND_RANGE_OR_MINUS_ONE, .min = (n)                                                    \
    }
#define VALID_BETWEEN_OR_MINUS_ONE(n, m)                                                                     \
    {                                                                                                        \
        .kind = VALID_KIND_RANGE_OR_MINUS_ONE, .min = (n), .max = (m), .has_max = true                       \
    }
#define VALID_ONE_OF(list)                                                                                   \
    {                                                                                                        \
        .kind = VALID_KIND_ONE_OF, .choices = (list)                                                         \
    }
#define VALID_ONE_OF_ANY_CASE(list)                                                                          \
    {                                                                                                        \
        .kind = VALID_KIND_ONE_OF_ANY_CASE, .choices = (list)                                                \
    }
#define VALID_NON_EMPTY                                                                                      \
    {                                                                                                        \
        .kind = VALID_KIND_NON_EMPTY                                                                         \
    }
#define VALID_NON_NULL                                                                                       \
    {                                                                                                        \
        .kind = VALID_KIND_NON_NULL                                                                          \
    }
#define VALID_METADATA_VERSION                                                                               \
    {                                                                                                        \
        .kind = VALID_KIND_METADATA_VERSION                                                                  \
    }
#define VALID_REPLICA_LIST                                                                                   \
    {                                                                                                        \
        .kind = VALID_KIND_REPLICA_LIST                                                                      \
    }
#define VALID_HOST_PORT                                                                                      \
    {                                                                                                        \
        .kind = VALID_KIND_HOST_PORT                                                                         \
    }

#define EFFECT_HONOURED                .effect = EFFECT_KIND_HONOURED
#define EFFECT_NO_EFFECT(why)          .effect = EFFECT_KIND_NONE, .reason = (why)
#define EFFECT_REFUSED_IF_SET(why)     .effect = EFFECT_KIND_REFUSED_IF_SET, .reason = (why)
#define EFFECT_REFUSED_IF_TRUE(why)    .effect = EFFECT_KIND_REFUSED_IF_TRUE, .reason = (why)
#define EFFECT_REFUSED_IF_CHANGED(why) .effect = EFFECT_KIND_REFUSED_IF_CHANGED, .reason = (why)

/* Whole features: the day one is built, its line becomes EFFECT_HONOURED. */
#define EFFECT_TRANSACTIONS   EFFECT_NO_EFFECT("transactions are not built yet")
#define EFFECT_QUOTAS         EFFECT_NO_EFFECT("quotas are not built yet")
#define EFFECT_TIERED         EFFECT_NO_EFFECT("tiered storage is not built yet")
#define EFFECT_TLS            EFFECT_NO_EFFECT("no listener can use TLS yet")
#define EFFECT_AUTHENTICATION EFFECT_NO_EFFECT("no listener can use SASL yet")
#define EFFECT_AUTHORIZATION  EFFECT_NO_EFFECT("authorization is not built yet")
#define EFFECT_MIGRATION      EFFECT_NO_EFFECT("it belongs to the migration to KRaft, which is not built")
#define EFFECT_KRAFT_ONLY     EFFECT_NO_EFFECT("it exists only in KRaft mode: remove it")

#endif
