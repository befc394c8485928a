"""What all device actors share: availability, staleness, verified commands, recovery.

A device actor listens to one device on MQTT, keeps its readings with their age, moves its state
machine (`device_state`), gives it commands and ends them when telemetry shows their post-condition
(`commands`, `postconditions`), and climbs a recovery ladder when it is faulty or silent.

For the assembly, all arguments are keywords; `topics` is `protocols.topics.SiteTopics`, `mqtt` the
reference of the site's `MqttSession`, `site` a `pyros.sky.site.Site`, `settings` the class of the
same package:

| actor | path | arguments beside settings |
|---|---|---|
| `telescope.actor.TelescopeActor` | `/devices/{unit}/{device}` | topics, mqtt, unit, device, site |
| `camera.actor.CameraActor` | `/devices/{unit}/{device}` | topics, mqtt, unit, device |
| `filter_wheel.actor.FilterWheelActor` | `/devices/{unit}/{device}` | topics, mqtt, unit, device |
| `focuser.actor.FocuserActor` | `/devices/{unit}/{device}` | topics, mqtt, unit, device |
| `dome.actor.DomeActor` | `/devices/{unit}/{device}` | as telescope less site, safety, follows |
| `plc.actor.PlcActor` | `/devices/site/plc` | topics, mqtt, unit, device |
| `weather_source.actor.WeatherSourceActor` | `/safety/weather-{device}` | topics, mqtt, device |
| `weather_verdict.actor.WeatherVerdictActor` | `/safety/verdict` | stations (device ids) |
| `safety.actor.SafetyActor` | `/safety/safety` | topics, mqtt, site, domes, telescopes |

`domes` and `telescopes` map unit to reference; `safety` is the safety actor's; `follows` is the
unit of the telescope whose beam a common dome follows. Start safety before the rest: none of them
waits for it, or for a broker. Asks of `Command`, `Expose` and `FocusFor` are answered at the end of
the command, so give them a `timeout_s` longer than its deadline.
"""
