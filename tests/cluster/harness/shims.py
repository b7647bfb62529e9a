"""Small libraries for LD_PRELOAD, compiled when a test wants them."""

import os
import subprocess

from . import environment

_SOURCES = os.path.join(os.path.dirname(__file__), "..", "shims")


def shim(name, folder):
    """Path of shims/NAME.c as a shared library, built into the folder."""
    built = os.path.join(str(folder), f"{name}.so")
    source = os.path.join(_SOURCES, f"{name}.c")
    if not os.path.exists(built):
        argv = [environment.program("cc"), "-shared", "-fPIC", "-O1", "-w", "-o", built + ".new", source, "-ldl"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        os.rename(built + ".new", built)
    return built


class FaultyDisk:
    """A broker whose files below one directory can be made to fail or hang while it runs."""

    def __init__(self, folder, directory):
        self.switch = os.path.join(str(folder), "faulty-disk.switch")
        library = shim("faulty_disk", folder)
        self.environment = {
            "LD_PRELOAD": library,
            "FAULTY_DISK_DIR": str(directory),
            "FAULTY_DISK_SWITCH": self.switch,
        }

    def attach(self, broker):
        broker.process.env.update(self.environment)

    def be(self, mode):
        """hang, write, sync or full; None: whole again."""
        if mode is None:
            if os.path.exists(self.switch):
                os.unlink(self.switch)
            return
        with open(self.switch + ".new", "w") as out:
            out.write(mode)
        os.rename(self.switch + ".new", self.switch)
