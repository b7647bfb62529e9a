# core: what decides, pure. Each core brings its list of files and its tests.
noinst_LIBRARIES += src/core/libcore.a
src_core_libcore_a_SOURCES =

include src/core/cleaner.mk
include src/core/controller.mk
include src/core/fetch.mk
include src/core/fetcher.mk
include src/core/group.mk
include src/core/metadata.mk
include src/core/quota.mk
include src/core/replica.mk
