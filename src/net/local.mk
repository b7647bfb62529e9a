# net: listeners, connections, frames, replies, outgoing channels
noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
  src/net/acceptor.c \
  src/net/channel.c src/net/channel.h \
  src/net/chunk.c src/net/chunk.h \
  src/net/conn.c src/net/conn_read.c src/net/conn_warm.c src/net/conn_write.c src/net/internal.h \
  src/net/presence.c src/net/presence.h \
  src/net/reply.c src/net/reply.h \
  src/net/request.c \
  src/net/resolve.c src/net/resolve.h \
  src/net/server.c src/net/server.h

check_PROGRAMS += tests/unit/net/test_net
tests_unit_net_test_net_SOURCES = \
  tests/unit/net/test_main.c tests/unit/net/tests.h \
  tests/unit/net/fixture.c tests/unit/net/fixture.h \
  tests/unit/net/test_channel.c \
  tests/unit/net/test_chunk.c \
  tests/unit/net/test_files.c \
  tests/unit/net/test_limits.c \
  tests/unit/net/test_presence.c \
  tests/unit/net/test_reply.c \
  tests/unit/net/test_server.c \
  tests/unit/net/test_threads.c \
  tests/fake/fake_clock.c tests/fake/fake_clock.h
tests_unit_net_test_net_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_net_test_net_LDADD = src/net/libnet.a src/loop/libloop.a src/disk/libdisk.a src/base/libbase.a \
  $(EVENT_EXTRA_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(ISAL_LIBS) $(CHECK_LIBS)
