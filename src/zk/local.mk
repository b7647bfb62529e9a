# zk: the ZooKeeper port on the C client, one codec per znode
noinst_LIBRARIES += src/zk/libzk.a
src_zk_libzk_a_SOURCES = \
  src/zk/client.c src/zk/client.h \
  src/zk/session.c src/zk/session.h \
  src/zk/sync.c src/zk/sync.h \
  src/zk/generated/znode_table.c \
  src/zk/znode_json.c src/zk/znode_json.h \
  src/zk/znode_schema.c src/zk/znode_schema.h
src_zk_libzk_a_CPPFLAGS = $(AM_CPPFLAGS) -DTHREADED

# The table of the znodes and docs/zookeeper.md are committed, so that a build needs no Python; the stamp is in the
# build tree, as for the message schema.
ZNODE_GENERATORS = src/zk/gen_znodes.py src/zk/znode_schema.py
ZNODE_SCHEMA = $(top_srcdir)/zk-schema/*.znodes
EXTRA_DIST += $(ZNODE_GENERATORS) zk-schema docs/zookeeper.md
BUILT_SOURCES += src/zk/generated.stamp
CLEANFILES += src/zk/generated.stamp
src/zk/generated.stamp: $(ZNODE_GENERATORS) $(ZNODE_SCHEMA)
	$(AM_V_GEN)$(MKDIR_P) src/zk && if test '$(PYTHON)' != ':'; then \
	  $(PYTHON) -B $(top_srcdir)/src/zk/gen_znodes.py; fi && touch $@
src/zk/generated/libzk_a-znode_table.$(OBJEXT): src/zk/generated.stamp

dist_check_SCRIPTS += scripts/check-znodes.sh

check_PROGRAMS += tests/unit/zk/test_zk
tests_unit_zk_test_zk_SOURCES = \
  tests/unit/zk/server.c tests/unit/zk/server.h \
  tests/unit/zk/suites.h tests/unit/zk/test_zk.c \
  tests/unit/zk/test_client.c \
  tests/unit/zk/test_sync.c \
  tests/unit/zk/test_znode_json.c \
  tests/unit/zk/test_znode_schema.c
tests_unit_zk_test_zk_LDADD = src/zk/libzk.a src/disk/libdisk.a src/loop/libloop.a src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ISAL_LIBS) $(CHECK_LIBS) -lpthread
