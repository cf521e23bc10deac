"""Power supplies that the kernel does not have, as umockdev plays them: `umockdev-wrapper python3 device_bed.py`.

Prints the folder that programs under libumockdev-preload take for /sys, then does what each line of JSON asks for: `["set", DEVICE,
ATTRIBUTE, VALUE]`, `["uevent", DEVICE]`. Runs under the system's Python, which has umockdev's bindings; imports nothing of the project.
"""

import json
import sys

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402

bed = UMockdev.Testbed.new()
devices = {
    "charger": bed.add_device(
        "power_supply", "charger", None, ["type", "Mains", "online", "1"], ["POWER_SUPPLY_ONLINE", "1"]
    ),
    "battery": bed.add_device(
        "power_supply",
        "battery",
        None,
        [
            *("type", "Battery", "present", "1", "status", "Charging", "capacity", "60"),
            *("energy_full", "60000000", "energy_full_design", "60000000", "energy_now", "36000000"),
            *("voltage_now", "12000000", "power_now", "6000000"),
        ],
        ["POWER_SUPPLY_ONLINE", "1"],
    ),
}
print(bed.get_root_dir(), flush=True)
for line in sys.stdin:
    action, device, *values = json.loads(line)
    if action == "set":
        bed.set_attribute(devices[device], *values)
    else:
        bed.uevent(devices[device], "change")
    print("done", flush=True)
