/* The suites of the controller's tests. */
#ifndef BARNABAS_TESTS_CORE_SUITES_H
#define BARNABAS_TESTS_CORE_SUITES_H

#include <check.h>

Suite *assign_suite(void);
Suite *election_suite(void);
Suite *topic_name_suite(void);
Suite *outbox_suite(void);
Suite *term_suite(void);
Suite *failover_suite(void);
Suite *topics_suite(void);
Suite *deletion_suite(void);
Suite *brokers_suite(void);
Suite *reassignment_suite(void);
Suite *requests_suite(void);
Suite *faults_suite(void);
Suite *trust_suite(void);
Suite *silence_suite(void);
Suite *suspicion_suite(void);

#endif
