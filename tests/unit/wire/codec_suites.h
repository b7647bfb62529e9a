/* The suites of the schema and codec half of the room wire. */
#ifndef BARNABAS_TESTS_WIRE_CODEC_SUITES_H
#define BARNABAS_TESTS_WIRE_CODEC_SUITES_H

#include <check.h>

Suite *api_suite(void);
Suite *codec_suite(void);
Suite *hot_codecs_suite(void);
Suite *roundtrip_suite(void);
Suite *vectors_suite(void);

#endif
