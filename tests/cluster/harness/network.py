"""Machines of their own for brokers: network namespaces around a router that can drop what goes from one to
another, silently, in one direction or both. Clients and ZooKeeper are in the namespace of the tests ("home").

    home 10.S.0.1 --- 10.S.0.2 router 10.S.N.1 --- 10.S.N.2 host N

Needs root and iproute2; nothing outside of the namespaces changes but one interface with its route."""

import os
import re
import shutil
import subprocess

from .environment import Missing


def _run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


class Network:
    def __init__(self, hosts):
        if os.geteuid() != 0 or not shutil.which("ip"):
            raise Missing("network namespaces need root and the ip command")
        self._sweep()
        self.tag = f"bn{os.getpid()}"
        self.net = self._free_net()
        self.home = f"{self.net}.0.1"
        self.made = []
        self.cuts = set()
        try:
            self._build(hosts)
        except (OSError, subprocess.CalledProcessError) as problem:
            self.down()
            raise Missing(f"no network namespaces here: {getattr(problem, 'stderr', problem)}") from None

    @staticmethod
    def _sweep():
        """What tests left behind that were killed. The last link of a namespace goes with it."""
        for name in re.findall(r"^bn\d+-\w+", _run("ip", "netns", "list"), re.MULTILINE):
            if not os.path.exists("/proc/" + name[2:].partition("-")[0]):
                subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def _free_net(self):
        routes = _run("ip", "route")
        for number in range(os.getpid() % 64 + 64, 192):
            if f"10.{number}." not in routes:
                return f"10.{number}"
        raise Missing("no free network")

    def _build(self, hosts):
        self.router = self._namespace("r")
        _run("ip", "netns", "exec", self.router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self._link(None, f"{self.tag}-h", 0, self.home, f"{self.net}.0.2")
        _run("ip", "route", "add", f"{self.net}.0.0/16", "via", f"{self.net}.0.2")
        for number in range(1, hosts + 1):
            namespace = self._namespace(str(number))
            self._link(namespace, "eth0", number, self.address(number), f"{self.net}.{number}.1")
            _run("ip", "-n", namespace, "link", "set", "lo", "up")
            _run("ip", "-n", namespace, "route", "add", "default", "via", f"{self.net}.{number}.1")

    def _namespace(self, name):
        _run("ip", "netns", "add", f"{self.tag}-{name}")
        self.made.append(f"{self.tag}-{name}")
        return self.made[-1]

    def _link(self, namespace, name, number, near, far):
        """Between a namespace (None: home) and the router."""
        port = f"{self.tag}p{number}"
        there = ("-n", namespace) if namespace else ()
        _run("ip", *there, "link", "add", name, "type", "veth", "peer", "name", port, "netns", self.router)
        for place, device, address in ((there, name, near), (("-n", self.router), port, far)):
            _run("ip", *place, "addr", "add", f"{address}/24", "dev", device)
            _run("ip", *place, "link", "set", device, "up")

    def address(self, number):
        return f"{self.net}.{number}.2"

    def namespace(self, number):
        return f"{self.tag}-{number}"

    # --- faults -----------------------------------------------------------------------------------

    def drop(self, source, target):
        """Nothing goes from one address to the other any more; who sends is not told."""
        _run("ip", "-n", self.router, "rule", "add", "from", source, "to", target, "blackhole")
        self.cuts.add((source, target))

    def cut(self, one, other):
        self.drop(one, other)
        self.drop(other, one)

    def heal(self):
        for source, target in self.cuts:
            _run("ip", "-n", self.router, "rule", "del", "from", source, "to", target, "blackhole")
        self.cuts = set()

    def down(self):
        """The last link of a namespace goes with it, and the route with that link."""
        for namespace in reversed(self.made):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
        self.made = []
