# metrics: the one table of metrics and the counters behind it
noinst_LIBRARIES += src/metrics/libmetrics.a
src_metrics_libmetrics_a_SOURCES = \
  src/metrics/exposition.c src/metrics/exposition.h \
  src/metrics/internal.h \
  src/metrics/metric_table.c src/metrics/metric_table.h \
  src/metrics/metrics.c src/metrics/metrics.def src/metrics/metrics.h

# Prints the table of docs/monitoring.md.
noinst_PROGRAMS += src/metrics/metrics_docs
src_metrics_metrics_docs_SOURCES = src/metrics/metrics_docs.c
src_metrics_metrics_docs_LDADD = src/metrics/libmetrics.a src/base/libbase.a $(ISAL_LIBS)
EXTRA_DIST += docs/monitoring.md
dist_check_SCRIPTS += scripts/check-metrics-docs.sh

.PHONY: update-metrics-docs
update-metrics-docs: src/metrics/metrics_docs
	src/metrics/metrics_docs > $(top_srcdir)/docs/monitoring.md

check_PROGRAMS += tests/unit/metrics/test_metrics
tests_unit_metrics_test_metrics_SOURCES = \
  tests/unit/metrics/suites.h tests/unit/metrics/test_main.c \
  tests/unit/metrics/test_exposition.c \
  tests/unit/metrics/test_metric_table.c \
  tests/unit/metrics/test_metrics.c
tests_unit_metrics_test_metrics_LDADD = src/metrics/libmetrics.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
