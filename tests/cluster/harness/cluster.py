"""Several brokers, of one make or mixed, on one chroot of a ZooKeeper server."""

import os

from .broker import Broker
from .wait import wait_until


class Cluster:
    """kinds: one entry per broker, "barnabas" or "kafka" (None: the make that the run tests)."""

    def __init__(self, folder, zookeeper, chroot, kinds, config=None):
        self.zookeeper = zookeeper
        self.chroot = chroot
        self.connect_string = zookeeper.address + chroot
        self.brokers = [
            Broker(
                os.path.join(str(folder), f"broker-{number}"),
                self.connect_string,
                kind=kind,
                broker_id=number,
                config=config,
            )
            for number, kind in enumerate(kinds)
        ]

    def start(self, deadline_s=90):
        for broker in self.brokers:
            if not broker.running:
                broker.launch()
        for broker in self.brokers:
            broker.wait_serving(deadline_s)
        self.wait_members([broker.id for broker in self.brokers], deadline_s)
        return self

    def wait_members(self, ids, deadline_s=60):
        """Until every running broker knows exactly these members."""

        def agreed():
            for broker in self.brokers:
                if broker.running:
                    with broker.connect() as client:
                        known = {member["id"] for member in client.metadata([])["brokers"]}
                    if known != set(ids):
                        return False
            return True

        wait_until(agreed, deadline_s, f"all brokers know the members {sorted(ids)}")

    def controller(self):
        for broker in self.brokers:
            if broker.running:
                with broker.connect() as client:
                    controller = client.metadata([])["controller_id"]
                return self.brokers[controller]
        raise AssertionError("no broker runs")

    @property
    def bootstrap(self):
        return ",".join(broker.address for broker in self.brokers)

    def stop(self):
        for broker in self.brokers:
            if broker.running:
                broker.process.kill()
