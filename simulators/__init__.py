"""Simulated devices, weather and sky: actors that meet PyROS on MQTT only.

`observatory.simulated_observatory_spec` makes them all from `settings.SimulatorsSettings`;
`process` runs them beside control. What is physical lives in `metal` and in functions of time
(`kinematics`, `mount_motion`, `weather`), so that it outlives a crashed actor and costs nothing
while nobody looks. `simulated_device` is what all devices share, `light_path` is what a camera
looks through, `sky_scene` draws what it sees, `scenario` and `director` let things go wrong,
`alert_broker` lets it burst.
"""
