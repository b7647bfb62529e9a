"""One child process with its output in a file, that dies with the tests and tells how it died."""

import ctypes
import os
import re
import signal
import subprocess
import time

from .wait import wait_until

# UBSan beside ASan knows no file for its reports (harness/sanitizers.py): they stand in the output.
_UNDEFINED = re.compile(r".*: runtime error: .*")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class ProcessDied(AssertionError):
    pass


class Process:
    """Runs argv; its output goes to log_path, where a restart appends."""

    def __init__(self, name, argv, log_path, env=None, cwd=None):
        self.name = name
        self.argv = argv
        self.log_path = log_path
        self.env = env
        self.cwd = cwd
        self.popen = None
        self.expected_death = True
        self.paused = False

    # --- life -------------------------------------------------------------------------------------

    def start(self):
        assert not self.running, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            log.write(f"--- {time.strftime('%H:%M:%S')} starting {self.name}\n".encode())
            log.flush()
            self.popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                preexec_fn=_die_with_parent,
            )
        self.expected_death = False
        self.paused = False

    def stop(self, deadline_s=30):
        """SIGTERM and wait; returns the exit status."""
        return self._end(signal.SIGTERM, deadline_s)

    def kill(self):
        """SIGKILL and wait."""
        return self._end(signal.SIGKILL, 10)

    def pause(self):
        """Returns when every thread has stopped, which takes its time on a busy machine."""
        os.kill(self.popen.pid, signal.SIGSTOP)
        self.paused = True
        wait_until(lambda: set(self._thread_states()) <= {"T", "t"}, 20, f"{self.name} has stopped")

    def _thread_states(self):
        folder = f"/proc/{self.popen.pid}/task"
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/stat") as stat:
                yield stat.read().rpartition(")")[2].split()[0]

    def resume(self):
        os.kill(self.popen.pid, signal.SIGCONT)
        self.paused = False

    def _end(self, signum, deadline_s):
        if self.popen is None:
            return None
        self.expected_death = True
        self.paused = False
        if self.popen.poll() is None:
            self.popen.send_signal(signum)
            if signum == signal.SIGTERM:
                self.popen.send_signal(signal.SIGCONT)
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(10)
            raise ProcessDied(f"{self.name} had not ended {deadline_s} s after signal {signum}") from None

    # --- state ------------------------------------------------------------------------------------

    @property
    def pid(self):
        return self.popen.pid if self.popen else None

    @property
    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def wait_ended(self, deadline_s):
        """Waits until the process ends by itself; returns its exit status."""
        self.expected_death = True
        wait_until(lambda: not self.running, deadline_s, f"end of {self.name}")
        return self.popen.returncode

    def must_run(self):
        if not self.running:
            status = self.popen.returncode if self.popen else "never started"
            raise ProcessDied(f"{self.name} is not running (status {status}); its log ends:\n{self.log_tail()}")

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # --- what it said -----------------------------------------------------------------------------

    def log_text(self):
        try:
            with open(self.log_path, "rb") as log:
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log_tail(self, lines=60):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def complaints(self):
        """What should fail a test although nobody asked: an unexpected death, undefined behaviour."""
        found = []
        if self.popen is not None and not self.expected_death and self.popen.poll() is not None:
            found.append(f"{self.name} died by itself with status {self.popen.returncode}")
        match = _UNDEFINED.search(self.log_text())
        if match:
            found.append(f"{self.name}: {match.group(0)}")
        return found
