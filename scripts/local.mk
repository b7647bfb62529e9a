# Checks of the tree that need no build
dist_check_SCRIPTS += scripts/check-layers.py
EXTRA_DIST += scripts/check-format.sh scripts/check-functions.py scripts/fetch-test-jars.sh scripts/test.sh \
  scripts/crash-test.sh scripts/lib/packages.sh scripts/lib/count_checks.py
