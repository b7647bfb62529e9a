# core/metadata: sources, headers and tests
