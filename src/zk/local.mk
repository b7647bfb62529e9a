# zk: the ZooKeeper port on the C client, one codec per znode
noinst_LIBRARIES += src/zk/libzk.a
src_zk_libzk_a_SOURCES = \
  src/zk/client.c src/zk/client.h \
  src/zk/session.c src/zk/session.h \
  src/zk/sync.c src/zk/sync.h \
  src/zk/znode_json.c src/zk/znode_json.h
src_zk_libzk_a_CPPFLAGS = $(AM_CPPFLAGS) -DTHREADED

check_PROGRAMS += tests/unit/zk/test_zk
tests_unit_zk_test_zk_SOURCES = \
  tests/unit/zk/server.c tests/unit/zk/server.h \
  tests/unit/zk/suites.h tests/unit/zk/test_zk.c \
  tests/unit/zk/test_client.c \
  tests/unit/zk/test_znode_json.c
tests_unit_zk_test_zk_LDADD = src/zk/libzk.a src/disk/libdisk.a src/loop/libloop.a src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ISAL_LIBS) $(CHECK_LIBS) -lpthread
