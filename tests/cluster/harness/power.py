"""What a power cut leaves, for a broker whose machine never went down."""

import os


def as_if_rebooted(broker):
    """The machine of a power cut has another boot id when it is back; this one has not."""
    path = os.path.join(broker.log_dirs[0], "barnabas.session")
    with open(path) as record:
        text = record.read()
    assert "boot.id=" in text, "the record by which a start sees that the machine went down did not survive"
    lines = [f"boot.id={'0' * 8}" if line.startswith("boot.id=") else line for line in text.splitlines()]
    with open(path, "w") as record:
        record.write("\n".join(lines) + "\n")
    os.chmod(path, 0o600)
