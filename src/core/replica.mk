# core/replica: sources, headers and tests
