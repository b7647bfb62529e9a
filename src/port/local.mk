EXTRA_DIST += src/port/clock.h src/port/random.h src/port/disk.h src/port/zk.h src/port/znodes.h
