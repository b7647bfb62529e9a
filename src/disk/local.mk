# disk: sources, headers and tests of this room
