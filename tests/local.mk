# Tests that pytest runs, and what they start; scripts/check-dist.sh finds what is missing from a release
EXTRA_DIST += tests/clients tests/cluster tests/config

# Whole folders are copied; what running the tests leaves in them is not part of a release.
dist-hook:
	find '$(distdir)' \( -name __pycache__ -o -name .pytest_cache \) -prune -exec rm -rf {} +
