# Benchmarks: built by `make bench`, never by `make`
EXTRA_PROGRAMS += bench/load bench/client bench/leaders bench/floor bench/sparse_log bench/groups bench/compact \
  bench/members bench/consumers
bench_load_SOURCES = \
  bench/load.c \
  bench/load_request.c bench/load_request.h \
  bench/load_run.c bench/load_run.h
bench_load_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
bench_load_LDADD = src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)

bench_client_SOURCES = bench/client.c
bench_client_LDADD = src/base/libbase.a $(RDKAFKA_LIBS)

bench_consumers_SOURCES = bench/consumers.c
bench_consumers_LDADD = src/base/libbase.a $(RDKAFKA_LIBS)

bench_members_SOURCES = bench/members.c
bench_members_LDADD = src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)

bench_leaders_SOURCES = bench/leaders.c
bench_leaders_LDADD = src/cli/libcli.a src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)

bench_floor_SOURCES = bench/floor.c
bench_floor_LDADD = src/base/libbase.a $(ISAL_LIBS)

bench_sparse_log_SOURCES = bench/sparse_log.c
bench_sparse_log_LDADD = src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)

bench_groups_SOURCES = bench/groups.c
bench_groups_LDADD = src/core/libcore.a src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)

bench_compact_SOURCES = bench/compact.c
bench_compact_LDADD = src/storage/libstorage.a src/disk/libdisk.a src/wire/libwire.a src/base/libbase.a \
  $(CODEC_LIBS) $(ISAL_LIBS) -lpthread

# Put before the C library's allocator with LD_PRELOAD, so not linked by anybody.
bench/malloc_count.so: bench/malloc_count.c
	$(AM_V_CC)$(MKDIR_P) bench && $(CC) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) -fPIC -shared -o $@ \
	  $(top_srcdir)/bench/malloc_count.c -ldl

CLEANFILES += $(EXTRA_PROGRAMS) bench/malloc_count.so
EXTRA_DIST += bench/README.md bench/malloc_count.c bench/run.py bench/runner.py bench/rows.py bench/systems.py bench/table.py \
  bench/cluster_rows.py bench/cluster_table.py bench/clusters.py bench/compaction.py bench/pacer.py bench/group_rows.py \
  bench/group_table.py bench/count_calls.py bench/count-syscalls.sh
.PHONY: bench
bench: bench/load$(EXEEXT) bench/client$(EXEEXT) bench/leaders$(EXEEXT) bench/floor$(EXEEXT) bench/sparse_log$(EXEEXT) \
  bench/groups$(EXEEXT) bench/compact$(EXEEXT) bench/members$(EXEEXT) bench/consumers$(EXEEXT) bench/malloc_count.so
