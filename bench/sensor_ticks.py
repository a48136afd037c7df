"""The sensor, as the daemon evaluates it: a tick a second. Prints the seconds of each."""

import time

import dagster as dg

from segment_dagster.definitions import defs

sensor = defs().get_repository_def().get_sensor_def("segment_audit_sensor")
cursor = None
with dg.DagsterInstance.ephemeral() as instance:
    while True:
        started = time.monotonic()
        tick = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor))
        cursor = tick.cursor
        print(f"{time.monotonic() - started:.3f}", flush=True)
        time.sleep(1)
