"""A process that submits a batch and reads its results, to be killed wherever it is."""

from __future__ import annotations

import json
import sys

from seawall import Seawall


def main() -> None:
    world = json.loads(sys.argv[1])
    client = Seawall(**world["settings"])
    batch = client.batch(world["requests"], model=world["model"], feature="ports")
    print("submitted", flush=True)
    batch.wait(60, first=0.01)
    for item in batch.results():
        print(item.id, flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
