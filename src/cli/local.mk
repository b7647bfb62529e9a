# cli: the program barnabas, a command each file
bin_PROGRAMS += barnabas
barnabas_SOURCES = \
  src/cli/main.c src/cli/commands.h \
  src/cli/addresses.c src/cli/addresses.h \
  src/cli/admin_client.c src/cli/admin_client.h \
  src/cli/api_versions.c \
  src/cli/client_config.c src/cli/client_config.h \
  src/cli/connection.c src/cli/connection.h \
  src/cli/java_order.c src/cli/java_order.h \
  src/cli/kafka_text.c src/cli/kafka_text.h \
  src/cli/options.c src/cli/options.h \
  src/cli/progress.c src/cli/progress.h \
  src/cli/topic_filter.c src/cli/topic_filter.h \
  src/cli/topics.c src/cli/topics.h \
  src/cli/topics_print.c \
  src/cli/topics_wire.c \
  src/cli/topics_zk.c
barnabas_LDADD = src/wire/libwire.a src/base/libbase.a \
  $(RDKAFKA_LIBS) $(ZSTD_LIBS) $(LZ4_LIBS) $(SNAPPY_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS)
