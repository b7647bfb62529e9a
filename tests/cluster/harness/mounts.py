"""File systems of a test's own: small ones, and ones that lose power. Root only; what the machine does not
allow becomes environment.Missing with the reason."""

import array
import fcntl
import os
import subprocess

from . import environment

# EXT4_IOC_SHUTDOWN, and its mode in which not even the journal is written: as when the power goes.
_EXT4_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


def _run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise environment.Missing(f"`{' '.join(argv)}` does not work here: {done.stderr.strip()}")
    return done.stdout.strip()


def _must_be_root():
    if os.geteuid() != 0:
        raise environment.Missing("file systems can only be mounted by root")


class Mount:
    """Something mounted on `path`."""

    def __init__(self, path):
        _must_be_root()
        self.path = str(path)
        self.mounted = False
        os.makedirs(self.path, exist_ok=True)

    def mount(self):
        raise NotImplementedError

    def unmount(self):
        if self.mounted:
            # Lazily: a broker that a failed test left behind must not keep the run from ending.
            subprocess.run(["umount", "-l", self.path], check=False, stdin=subprocess.DEVNULL)
            self.mounted = False

    def remount(self, options):
        _run("mount", "-o", f"remount,{options}", self.path)

    def __enter__(self):
        self.mount()
        return self

    def __exit__(self, *unused):
        self.unmount()

    # --- space ------------------------------------------------------------------------------------

    def fill(self):
        """Takes all space that is left; give_back() returns it."""
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as filler:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        filler.write(b"\x00" * size)
                except OSError:
                    pass

    def give_back(self):
        os.unlink(os.path.join(self.path, "filler"))


class Tmpfs(Mount):
    def __init__(self, path, size="16m"):
        super().__init__(path)
        self.size = size

    def mount(self):
        _run("mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", self.path)
        self.mounted = True


class LoopExt4(Mount):
    """ext4 in a file, whose power can be cut: what was not synced is gone."""

    def __init__(self, path, image, size_mb=64):
        super().__init__(path)
        self.image = self.first_image = str(image)
        self.images = 0
        with open(self.image, "wb") as out:
            out.truncate(size_mb << 20)
        # Without lazy initialisation no kernel thread writes behind the test's back.
        _run(environment.program("mkfs.ext4"), "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)

    def mount(self):
        # A long commit interval: only what was synced is on the disk when the power goes.
        _run("mount", "-o", "loop,commit=300", self.image, self.path)
        self.mounted = True

    def cut_power(self):
        """Every later access fails; what was not synced is gone after repower()."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _EXT4_SHUTDOWN, array.array("I", [_NO_LOG_FLUSH]))
        except OSError as problem:
            raise environment.Missing(f"ext4's shutdown ioctl does not work here: {problem}") from None
        finally:
            os.close(folder)

    def repower(self):
        """On a copy of the image: a mount namespace that somebody made meanwhile may hold the dead file system,
        and the kernel would mount that again."""
        _run("umount", self.path)
        self.mounted = False
        self.images += 1
        copy = f"{self.first_image}.{self.images}"
        _run("cp", "--sparse=always", self.image, copy)
        os.unlink(self.image)
        self.image = copy
        self.mount()
