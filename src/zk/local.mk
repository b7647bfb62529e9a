# zk: the ZooKeeper port on the C client, one codec per znode
noinst_LIBRARIES += src/zk/libzk.a
src_zk_libzk_a_SOURCES = \
  src/zk/client.c src/zk/client.h \
  src/zk/session.c src/zk/session.h \
  src/zk/sync.c src/zk/sync.h \
  src/zk/znode_json.c src/zk/znode_json.h
src_zk_libzk_a_CPPFLAGS = $(AM_CPPFLAGS) -DTHREADED
