# config: the tables of settings, snapshots of their values, what is printed from the tables
noinst_LIBRARIES += src/config/libconfig.a
src_config_libconfig_a_SOURCES = \
  src/config/broker_settings.def src/config/topic_settings.def \
  src/config/settings/barnabas.def src/config/settings/compaction.def \
  src/config/settings/general.def src/config/settings/groups.def \
  src/config/settings/kraft.def src/config/settings/log.def \
  src/config/settings/metrics.def src/config/settings/migration.def \
  src/config/settings/network.def src/config/settings/quotas.def \
  src/config/settings/replication.def src/config/settings/security.def \
  src/config/settings/tiered.def src/config/settings/topics.def \
  src/config/settings/transactions.def src/config/settings/zookeeper.def \
  src/config/check.c src/config/check.h \
  src/config/config.h \
  src/config/config_table.c src/config/config_table.h \
  src/config/describe.c src/config/describe.h \
  src/config/dynamic.c src/config/dynamic.h \
  src/config/listeners.c src/config/listeners.h \
  src/config/load.c \
  src/config/report.c src/config/report.h \
  src/config/setting.c src/config/setting.h \
  src/config/snapshot.c src/config/snapshot.h \
  src/config/table_macros.h \
  src/config/topic_config.c src/config/topic_config.h \
  src/config/topic_table.c src/config/topic_table.h \
  src/config/value.c src/config/value.h \
  src/config/inter_broker.c src/config/inter_broker.h \
  src/config/versions.c src/config/versions.h

# Prints conf/server.properties and docs/configuration.md from the tables.
noinst_PROGRAMS += src/config/config_docs
src_config_config_docs_SOURCES = src/config/config_docs.c
src_config_config_docs_LDADD = src/config/libconfig.a src/base/libbase.a $(ISAL_LIBS)
EXTRA_DIST += conf/server.properties docs/configuration.md
dist_check_SCRIPTS += scripts/check-config-docs.sh scripts/check-config-table.py

.PHONY: update-config-docs
update-config-docs: src/config/config_docs
	src/config/config_docs sample > $(top_srcdir)/conf/server.properties
	src/config/config_docs markdown > $(top_srcdir)/docs/configuration.md

check_PROGRAMS += tests/unit/config/test_config
tests_unit_config_test_config_SOURCES = \
  tests/unit/config/test_config.c tests/unit/config/suites.h \
  tests/unit/config/test_config_table.c \
  tests/unit/config/test_describe.c \
  tests/unit/config/test_dynamic.c \
  tests/unit/config/test_inter_broker.c \
  tests/unit/config/test_listeners.c \
  tests/unit/config/test_load.c \
  tests/unit/config/test_topic_config.c \
  tests/unit/config/test_value.c
tests_unit_config_test_config_LDADD = src/config/libconfig.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
