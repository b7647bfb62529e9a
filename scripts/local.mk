# Checks of the tree that need no build, and the scripts that people call
dist_check_SCRIPTS += scripts/check-layers.py
EXTRA_DIST += scripts/check-dist.sh scripts/check-format.sh scripts/check-functions.py scripts/cluster-crash-test.sh \
  scripts/crash-test.sh \
  scripts/fetch-test-clients.sh scripts/fetch-test-jars.sh scripts/group-crash-test.sh scripts/quickstart.sh \
  scripts/sim.sh scripts/test.sh \
  scripts/lib/check_text.py scripts/lib/count_checks.py scripts/lib/packages.sh scripts/lib/progress.sh scripts/lib/rounds.sh \
  scripts/lib/zookeeper.sh
