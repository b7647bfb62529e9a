"""Where things are, and why something cannot be run here. All of it can be set from outside:

  BARNABAS_BUILD        build tree that holds src/server/barnabas-server or barnabas-server (default: build)
  BARNABAS_SERVER       the broker program itself, if it is somewhere else
  BARNABAS_TOOL         the tools program
  BARNABAS_TEST_CACHE   where scripts/fetch-test-jars.sh puts jars (default ~/.cache/barnabas-test)
  BARNABAS_TEST_BROKER  barnabas or kafka: which make the fixture `broker` starts
"""

import glob
import os
import shutil

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BUILD = os.path.abspath(os.environ.get("BARNABAS_BUILD", os.path.join(SOURCE, "build")))
CACHE = os.environ.get("BARNABAS_TEST_CACHE", os.path.expanduser("~/.cache/barnabas-test"))
CLIENTS = os.path.join(SOURCE, "tests", "clients")


class Missing(Exception):
    """Something that a test needs is not on this machine; the text says what and how to get it."""


def _program(variable, *candidates):
    path = os.environ.get(variable)
    if path:
        return path if os.access(path, os.X_OK) else None
    for candidate in candidates:
        path = os.path.join(BUILD, candidate)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def barnabas_server():
    path = _program("BARNABAS_SERVER", "barnabas-server", "src/server/barnabas-server")
    if path is None:
        raise Missing(f"there is no barnabas-server in {BUILD}; build it or set BARNABAS_SERVER")
    return path


def barnabas_tool():
    path = _program("BARNABAS_TOOL", "barnabas", "src/cli/barnabas")
    if path is None:
        raise Missing(f"there is no barnabas program in {BUILD}; build it or set BARNABAS_TOOL")
    return path


def program(name):
    path = shutil.which(name)
    if path is None:
        raise Missing(f"there is no program {name}")
    return path


def java():
    return program("java")


def jars(name):
    """Class path of a set of scripts/fetch-test-jars.sh."""
    folder = os.path.join(CACHE, "jars", name)
    if not os.path.isfile(os.path.join(folder, "coordinates")):
        raise Missing(f"the jars {name} are not in {CACHE}; run scripts/fetch-test-jars.sh {name}")
    return ":".join(sorted(glob.glob(os.path.join(folder, "*.jar"))))


def zookeeper_classpath():
    jar = "/usr/share/java/zookeeper.jar"
    if not os.path.isfile(jar):
        raise Missing("there is no /usr/share/java/zookeeper.jar (Debian package zookeeper)")
    return jar


def broker_kind():
    return os.environ.get("BARNABAS_TEST_BROKER", "barnabas")
