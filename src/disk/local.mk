# disk: the ports of disk, clock and random on POSIX
noinst_LIBRARIES += src/disk/libdisk.a
src_disk_libdisk_a_SOURCES = \
  src/disk/posix.c src/disk/posix.h src/disk/posix_internal.h \
  src/disk/posix_cached.c \
  src/disk/posix_clock.c src/disk/posix_clock.h \
  src/disk/posix_file.c \
  src/disk/posix_io.c \
  src/disk/posix_lock.c \
  src/disk/posix_random.c src/disk/posix_random.h

check_PROGRAMS += tests/unit/disk/test_disk
tests_unit_disk_test_disk_SOURCES = \
  tests/unit/disk/test_main.c tests/unit/disk/tests.h \
  tests/unit/disk/test_posix.c \
  tests/unit/disk/test_fault_disk.c \
  tests/fake/fault_disk.c tests/fake/fault_disk.h
tests_unit_disk_test_disk_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_disk_test_disk_LDADD = src/disk/libdisk.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
