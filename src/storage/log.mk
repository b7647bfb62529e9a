# storage: the log itself: segments, indexes, appends, reads, recovery
