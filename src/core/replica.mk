# core/replica: a replica's role and what follows from it
src_core_libcore_a_SOURCES += \
  src/core/replica/replica.c src/core/replica/replica.h
