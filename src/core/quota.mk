# core/quota: rates and their limits
src_core_libcore_a_SOURCES += \
  src/core/quota/quota.c src/core/quota/quota.h

check_PROGRAMS += tests/unit/core/test_quota
tests_unit_core_test_quota_SOURCES = tests/unit/core/quota/test_quota.c
tests_unit_core_test_quota_LDADD = src/core/libcore.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
