# cli: the program barnabas, a command each file
noinst_LIBRARIES += src/cli/libcli.a
src_cli_libcli_a_SOURCES = \
  src/cli/commands.h \
  src/cli/addresses.c src/cli/addresses.h \
  src/cli/admin_client.c src/cli/admin_client.h \
  src/cli/api_versions.c \
  src/cli/client_config.c src/cli/client_config.h \
  src/cli/config_edits.c src/cli/config_edits.h \
  src/cli/configs.c src/cli/configs.h \
  src/cli/configs_wire.c \
  src/cli/configs_zk.c \
  src/cli/connection.c src/cli/connection.h \
  src/cli/consume.c src/cli/consume.h \
  src/cli/consume_group.c \
  src/cli/consume_loop.c \
  src/cli/consume_messages.c \
  src/cli/consume_partitions.c \
  src/cli/delete_records.c \
  src/cli/dump.h \
  src/cli/dump_files.c \
  src/cli/dump_index.c \
  src/cli/dump_log.c \
  src/cli/dump_records.c \
  src/cli/dump_state.c \
  src/cli/elect_leaders.c \
  src/cli/formatter.c src/cli/formatter.h \
  src/cli/get_offsets.c \
  src/cli/groups.c src/cli/groups.h \
  src/cli/groups_csv.c src/cli/groups_csv.h \
  src/cli/groups_delete_offsets.c \
  src/cli/groups_history.c \
  src/cli/groups_log_offsets.c \
  src/cli/groups_offsets.c \
  src/cli/groups_options.c src/cli/groups_options.h \
  src/cli/groups_plan.c \
  src/cli/groups_print.c \
  src/cli/groups_reset.c src/cli/groups_reset.h \
  src/cli/groups_rows.c \
  src/cli/groups_scope.c \
  src/cli/groups_wire.c \
  src/cli/groups_zookeeper.c src/cli/groups_zookeeper.h \
  src/cli/java_number.c src/cli/java_number.h \
  src/cli/java_order.c src/cli/java_order.h \
  src/cli/java_time.c src/cli/java_time.h \
  src/cli/kafka_text.c src/cli/kafka_text.h \
  src/cli/key_values.c src/cli/key_values.h \
  src/cli/led_partitions.c src/cli/led_partitions.h \
  src/cli/line_reader.c src/cli/line_reader.h \
  src/cli/options.c src/cli/options.h \
  src/cli/log_dirs.c \
  src/cli/partition_rules.c src/cli/partition_rules.h \
  src/cli/produce.c \
  src/cli/progress.c src/cli/progress.h \
  src/cli/rdkafka_settings.c src/cli/rdkafka_settings.h \
  src/cli/reassign.c src/cli/reassign.h \
  src/cli/reassign_dirs.c \
  src/cli/reassign_file.c \
  src/cli/reassign_throttle.c \
  src/cli/reassign_wire.c \
  src/cli/reassign_zk.c \
  src/cli/signals.c src/cli/signals.h \
  src/cli/topic_filter.c src/cli/topic_filter.h \
  src/cli/topics.c src/cli/topics.h \
  src/cli/topics_print.c \
  src/cli/topics_wire.c \
  src/cli/topics_zk.c \
  src/cli/verifiable.c src/cli/verifiable.h \
  src/cli/verifiable_consumer.c \
  src/cli/verifiable_producer.c \
  src/cli/zk.c \
  src/cli/zk_admin.c src/cli/zk_admin.h \
  src/cli/zk_check.c src/cli/zk_check.h \
  src/cli/zk_cluster.c src/cli/zk_cluster.h \
  src/cli/zk_findings.c src/cli/zk_findings.h \
  src/cli/zk_rules_cluster.c \
  src/cli/zk_rules_orders.c \
  src/cli/zk_rules_partitions.c \
  src/cli/zk_rules_settings.c \
  src/cli/zk_rules_topics.c \
  src/cli/zk_tree.c src/cli/zk_tree.h

cli_libs = src/cli/libcli.a src/zk/libzk.a src/core/libcore.a src/storage/libstorage.a src/loop/libloop.a \
  src/disk/libdisk.a src/wire/libwire.a src/config/libconfig.a src/base/libbase.a \
  $(RDKAFKA_LIBS) $(ZOOKEEPER_LIBS) $(JANSSON_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) \
  $(ZSTD_LIBS) $(LZ4_LIBS) $(SNAPPY_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS) -lm

bin_PROGRAMS += barnabas
barnabas_SOURCES = src/cli/main.c
barnabas_LDADD = $(cli_libs)

check_PROGRAMS += tests/unit/cli/test_cli
tests_unit_cli_test_cli_SOURCES = \
  tests/unit/cli/test_cli.c tests/unit/cli/suites.h \
  tests/unit/cli/test_addresses.c \
  tests/unit/cli/test_config_edits.c \
  tests/unit/cli/test_formatter.c \
  tests/unit/cli/test_groups_csv.c \
  tests/unit/cli/test_groups_zookeeper.c \
  tests/unit/cli/test_java.c \
  tests/unit/cli/test_java_time.c \
  tests/unit/cli/test_line_reader.c \
  tests/unit/cli/test_options.c \
  tests/unit/cli/test_partition_rules.c \
  tests/unit/cli/test_reassign.c \
  tests/unit/cli/test_topic_filter.c \
  tests/unit/cli/test_topics.c \
  tests/unit/cli/test_zk_check.c \
  tests/unit/cli/test_zk_edits.c \
  tests/unit/cli/test_zk_findings.c \
  tests/unit/cli/test_zk_tree.c
tests_unit_cli_test_cli_LDADD = $(cli_libs) $(CHECK_LIBS)

# Kafka's names of the tools, to be put in front of PATH by whoever has scripts that call them.
kafka_tools = kafka-topics kafka-console-producer kafka-console-consumer kafka-broker-api-versions kafka-configs \
  kafka-dump-log kafka-log-dirs kafka-get-offsets kafka-delete-records kafka-reassign-partitions \
  kafka-leader-election kafka-consumer-groups kafka-verifiable-producer kafka-verifiable-consumer
kafka_toolsdir = $(pkglibexecdir)/kafka-tools

install-exec-hook:
	$(MKDIR_P) '$(DESTDIR)$(kafka_toolsdir)'
	cd '$(DESTDIR)$(kafka_toolsdir)' && for tool in $(kafka_tools); do \
	  rm -f $$tool.sh $$tool && $(LN_S) '$(bindir)/barnabas' $$tool.sh && $(LN_S) '$(bindir)/barnabas' $$tool || exit 1; \
	done

uninstall-hook:
	-cd '$(DESTDIR)$(kafka_toolsdir)' && for tool in $(kafka_tools); do rm -f $$tool.sh $$tool; done
	-rmdir '$(DESTDIR)$(kafka_toolsdir)' '$(DESTDIR)$(pkglibexecdir)' 2>/dev/null
