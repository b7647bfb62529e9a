# server: the broker as a process
bin_PROGRAMS += barnabas-server
barnabas_server_SOURCES = \
  src/server/gather.c src/server/gather.h \
  src/server/health.c src/server/health.h \
  src/server/identity.c src/server/identity.h \
  src/server/main.c \
  src/server/monitor.c src/server/monitor.h \
  src/server/partition_sweep.c src/server/partition_sweep.h \
  src/server/process.c src/server/process.h \
  src/server/server.c src/server/server.h \
  src/server/session.c src/server/session.h \
  src/server/version.h
barnabas_server_LDADD = \
  src/api/libapi.a src/service/libservice.a src/zk/libzk.a src/net/libnet.a src/disk/libdisk.a \
  src/loop/libloop.a src/core/libcore.a src/storage/libstorage.a src/wire/libwire.a src/config/libconfig.a \
  src/metrics/libmetrics.a \
  src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_EXTRA_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ZSTD_LIBS) \
  $(SNAPPY_LIBS) $(LZ4_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS) $(JEMALLOC_LIBS) -lpthread -lm
