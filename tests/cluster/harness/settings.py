"""What brokers go by: settings that were changed are carried out a moment after their change is acknowledged."""

from harness import schema
from harness.wait import wait_until

BROKER = 4


def dynamic(broker, name):
    """The value of a broker's setting that only ever is dynamic, as text; None while it has none."""
    asked = [{"resource_type": BROKER, "resource_name": str(broker.id), "configuration_keys": [name]}]
    with broker.connect() as client:
        answer = schema.ask(
            client, "DescribeConfigs", 4, resources=asked, include_synonyms=False, include_documentation=False
        )
    shown = [config["value"] for config in answer["results"][0]["configs"]]
    return shown[0] if shown else None


def wait_dynamic(broker, name, value):
    """Until the broker goes by it; what was changed before it is in force, too."""
    wait_until(lambda: dynamic(broker, name) == value, 20, f"broker {broker.id} goes by {name}={value}")
