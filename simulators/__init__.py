"""Simulated devices, weather and sky: actors that meet PyROS on MQTT only."""
